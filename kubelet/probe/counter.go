package probe

import corev1 "k8s.io/api/core/v1"

// A Result is what a probe found, thresholds applied.
type Result int

// The results. Unknown is the one before the first that counts.
const (
	Unknown Result = iota
	Success
	Failure
)

func (r Result) String() string { return [...]string{"unknown", "success", "failure"}[r] }

// A Counter turns outcomes into results. Its zero value plus thresholds is
// ready for use.
type Counter struct {
	// SuccessThreshold and FailureThreshold are how many equal outcomes in a
	// row it takes; less than 1 means 1.
	SuccessThreshold, FailureThreshold int
	// Result is the present one.
	Result Result

	last Result
	run  int
}

// NewCounter returns a counter with a probe's thresholds.
func NewCounter(p *corev1.Probe, initial Result) Counter {
	return Counter{SuccessThreshold: int(p.SuccessThreshold), FailureThreshold: int(p.FailureThreshold), Result: initial}
}

// Add counts an outcome and says whether the result changed.
func (c *Counter) Add(outcome Result) bool {
	if outcome != c.last {
		c.last, c.run = outcome, 0
	}
	c.run++
	threshold := c.SuccessThreshold
	if outcome == Failure {
		threshold = c.FailureThreshold
	}
	if c.run < threshold || outcome == c.Result {
		return false
	}
	c.Result = outcome
	return true
}

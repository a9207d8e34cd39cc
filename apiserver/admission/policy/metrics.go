package policy

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// What may be wrong with the expressions of a policy, as metrics have it.
const (
	noError      = "no_error"
	compileError = "compile_error"
	invalidError = "invalid_error"
	outOfBudget  = "out_of_budget"
)

// metrics count what policies do, under the field's names.
type metrics struct {
	checks  *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newMetrics(kind string, labels ...string) *metrics {
	labels = append([]string{"policy", "policy_binding", "error_type"}, labels...)
	return &metrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apiserver_" + kind + "_admission_policy_check_total", Help: "Evaluations of policies, by what came of them.",
		}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "apiserver_" + kind + "_admission_policy_check_duration_seconds", Help: "Time that an evaluation takes, in seconds.",
			Buckets: []float64{0.0000005, 0.001, 0.01, 0.1, 1},
		}, labels),
	}
}

// checked counts one evaluation.
func (m *metrics) checked(began time.Time, values ...string) {
	m.checks.WithLabelValues(values...).Inc()
	m.seconds.WithLabelValues(values...).Observe(time.Since(began).Seconds())
}

// Collectors returns the figures about policies.
func (p *Policies) Collectors() []prometheus.Collector {
	return []prometheus.Collector{p.judged.checks, p.judged.seconds, p.changed.checks, p.changed.seconds}
}

// errCompile marks expressions that did not compile.
var errCompile = errors.New("compilation error")

// errorType says what kind of error an evaluation ended with.
func errorType(err error) string {
	switch {
	case err == nil:
		return noError
	case errors.Is(err, errCompile):
		return compileError
	case errors.Is(err, cel.ErrBudget):
		return outOfBudget
	default:
		return invalidError
	}
}

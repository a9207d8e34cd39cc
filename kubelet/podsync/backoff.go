package podsync

import "time"

// The delays of CrashLoopBackOff and ImagePullBackOff. See
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy.
const (
	// FirstDelay is the wait before the second restart; the first is at once.
	FirstDelay = 10 * time.Second
	// LongestDelay is where doubling ends.
	LongestDelay = 5 * time.Minute
	// ResetAfter is how long a container must run for its crashes to be forgotten.
	ResetAfter = 10 * time.Minute
)

// The delays between tries of what failed for other reasons than a crash, such
// as a missing ConfigMap or a runtime that is down.
const (
	firstRetry   = 1 * time.Second
	longestRetry = 30 * time.Second
)

// A Backoff is a delay that doubles. The zero Backoff has no delay.
type Backoff struct {
	Delay time.Duration
	// At is when the delay was set.
	At time.Time
}

// Until returns the time before which a container that ended at finished must
// not be started again.
func (b Backoff) Until(finished time.Time) time.Time {
	if b.Delay == 0 || finished.Sub(b.At) > ResetAfter {
		return finished
	}
	return finished.Add(b.Delay)
}

// Next returns the back-off to use after another restart at now of a container
// that ended at finished.
func (b Backoff) Next(finished, now time.Time) Backoff {
	if finished.Sub(b.At) > ResetAfter {
		b.Delay = 0
	}
	return b.grow(now, FirstDelay, LongestDelay)
}

func (b Backoff) grow(now time.Time, first, longest time.Duration) Backoff {
	if b.Delay == 0 {
		return Backoff{Delay: first, At: now}
	}
	return Backoff{Delay: min(2*b.Delay, longest), At: now}
}

// Failed returns the memory after a try that failed at now for the given
// reason: a waiting reason of a container status, or of an event.
func (m Memory) Failed(reason, message string, now time.Time) Memory {
	trouble := &Trouble{Reason: reason, Message: message, At: now}
	switch reason {
	case ReasonErrImagePull:
		m.Pull = m.Pull.grow(now, FirstDelay, LongestDelay)
		trouble.RetryAt, trouble.Later = now.Add(m.Pull.Delay), ReasonImagePullBackOff
	case ReasonRunContainerError, ReasonPostStartHookError, ReasonCreateContainerError:
		m.Crash = m.Crash.Next(now, now)
		trouble.RetryAt, trouble.Later = now.Add(m.Crash.Delay), ReasonCrashLoopBackOff
	default:
		m.Retry = m.Retry.grow(now, firstRetry, longestRetry)
		trouble.RetryAt = now.Add(m.Retry.Delay)
	}
	m.Trouble = trouble
	return m
}

// Succeeded returns the memory after a try that succeeded. How often the
// container crashed is not forgotten by that.
func (m Memory) Succeeded() Memory {
	return Memory{Hash: m.Hash, Crash: m.Crash}
}

// RetryNow returns the memory with its wait ended: what a try failed for has
// changed.
func (m Memory) RetryNow(now time.Time) Memory {
	if m.Trouble == nil || m.Trouble.Later != "" {
		return m
	}
	trouble := *m.Trouble
	trouble.RetryAt = now
	m.Trouble, m.Retry = &trouble, Backoff{}
	return m
}

package probe

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A Loop probes a container that started at a time, until ctx ends or report says
// that this was enough.
type Loop struct {
	Prober  *Prober
	Target  Target
	Probe   *corev1.Probe
	Started time.Time
	// Initial is the result before anything was asked.
	Initial Result
	// Report is told each change of the result. If it returns false, the loop ends.
	Report func(Result, Outcome) bool
	// Failed is told each failed try, with what the container said.
	Failed func(Outcome)
}

// Run blocks until the loop is over.
func (l *Loop) Run(ctx context.Context) {
	counter := NewCounter(l.Probe, l.Initial)
	first := l.Started.Add(time.Duration(l.Probe.InitialDelaySeconds) * time.Second)
	if !sleep(ctx, time.Until(first)) {
		return
	}
	period := max(time.Second, time.Duration(l.Probe.PeriodSeconds)*time.Second)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		outcome := l.Prober.Do(ctx, l.Target, l.Probe)
		if ctx.Err() != nil {
			return
		}
		if outcome.Result == Failure && l.Failed != nil {
			l.Failed(outcome)
		}
		if outcome.Result != Unknown && counter.Add(outcome.Result) && !l.Report(counter.Result, outcome) {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package audit

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// A Sink keeps events. It is safe for concurrent use.
type Sink interface {
	// Record keeps an event, which is the sink's from then on. A request waits for
	// it, so it returns soon. An error means that the event is lost; if that is the
	// first of its request, the request is not served.
	Record(event *auditv1.Event) error
}

// A SinkFunc is a sink that is a function.
type SinkFunc func(event *auditv1.Event) error

// Record implements Sink.
func (f SinkFunc) Record(event *auditv1.Event) error { return f(event) }

// An Auditor decides by a policy what is kept, and has a sink keep it. It
// implements [apiserver.Auditor].
type Auditor struct {
	policy *Policy
	sink   Sink
	log    *slog.Logger

	events, rejected prometheus.Counter
	levels, lost     *prometheus.CounterVec
}

var _ apiserver.Auditor = (*Auditor)(nil)

// New returns an auditor. A nil log discards.
func New(policy *Policy, sink Sink, log *slog.Logger) *Auditor {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "apiserver", Subsystem: "audit", Name: name, Help: help}
	}
	return &Auditor{
		policy: policy, sink: sink, log: log,
		events:   prometheus.NewCounter(counter("event_total", "Events given to the sink.")),
		rejected: prometheus.NewCounter(counter("requests_rejected_total", "Requests not served since they could not be recorded.")),
		levels:   prometheus.NewCounterVec(counter("level_total", "Requests by how much of them is kept."), []string{"level"}),
		lost:     prometheus.NewCounterVec(counter("error_total", "Events that were lost."), []string{"plugin"}),
	}
}

// Collectors are the auditor's figures, for [apiserver.Config].
func (a *Auditor) Collectors() []prometheus.Collector {
	return []prometheus.Collector{a.events, a.rejected, a.levels, a.lost}
}

// Run runs the sink, if that is something that runs, such as a [Log], until ctx
// ends. It is to end after the server.
func (a *Auditor) Run(ctx context.Context) error {
	if runs, ok := a.sink.(interface {
		Run(ctx context.Context) error
	}); ok {
		return runs.Run(ctx)
	}
	return nil
}

// Rule implements apiserver.Auditor.
func (a *Auditor) Rule(attributes *apiserver.Attributes) apiserver.AuditRule {
	rule := a.policy.Rule(attributes)
	a.levels.WithLabelValues(string(rule.Level)).Inc()
	return rule
}

// Record implements apiserver.Auditor.
func (a *Auditor) Record(event *auditv1.Event) error {
	id, stage := event.AuditID, event.Stage // the event is the sink's soon
	a.events.Inc()
	err := a.sink.Record(event)
	if err == nil {
		return nil
	}
	a.lost.WithLabelValues("log").Inc()
	if stage == auditv1.StageRequestReceived {
		a.rejected.Inc()
	}
	a.log.Log(context.Background(), severity(err), "an audit event is lost", "auditID", id, "stage", stage, "err", err)
	return err
}

// severity is how loud a lost event is. At the end of all, when nothing is served
// any more, it is nothing to wake somebody for.
func severity(err error) slog.Level {
	if errors.Is(err, ErrStopped) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

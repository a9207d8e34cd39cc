package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what controllers do, under the names that Kubernetes gives
// to the same figures, so that its dashboards fit. All controllers of a
// process share one; each has its name as a label.
type Metrics struct {
	depth    *prometheus.GaugeVec
	adds     *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	duration *prometheus.HistogramVec
	retries  *prometheus.CounterVec
}

// NewMetrics registers the metrics. It returns nil, which is valid and counts
// nothing, for a nil registerer.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	if reg == nil {
		return nil, nil
	}
	label := []string{"name"}
	seconds := prometheus.ExponentialBuckets(1e-5, 10, 8) // 10 µs to 100 s
	m := &Metrics{
		depth: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "workqueue_depth", Help: "Keys that are ready and wait for a worker."}, label),
		adds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "workqueue_adds_total", Help: "Keys enqueued because of a change, retries not counted."}, label),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "workqueue_queue_duration_seconds", Help: "How long keys waited for a worker.", Buckets: seconds}, label),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "workqueue_work_duration_seconds", Help: "How long reconciling a key took.", Buckets: seconds}, label),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "workqueue_retries_total", Help: "Reconciliations that failed and come again."}, label),
	}
	for _, collector := range []prometheus.Collector{m.depth, m.adds, m.latency, m.duration, m.retries} {
		if err := reg.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// metrics are one controller's; nil counts nothing.
type metrics struct {
	depth             prometheus.Gauge
	adds, retries     prometheus.Counter
	latency, duration prometheus.Observer
}

func (m *Metrics) of(name string) *metrics {
	if m == nil {
		return nil
	}
	return &metrics{
		depth: m.depth.WithLabelValues(name), adds: m.adds.WithLabelValues(name), retries: m.retries.WithLabelValues(name),
		latency: m.latency.WithLabelValues(name), duration: m.duration.WithLabelValues(name),
	}
}

func (m *metrics) added(depth int) {
	if m != nil {
		m.adds.Inc()
		m.depth.Set(float64(depth))
	}
}

func (m *metrics) started(depth int, waited time.Duration) {
	if m != nil {
		m.depth.Set(float64(depth))
		m.latency.Observe(waited.Seconds())
	}
}

func (m *metrics) finished(took time.Duration, err error) {
	if m == nil {
		return
	}
	m.duration.Observe(took.Seconds())
	if err != nil {
		m.retries.Inc()
	}
}

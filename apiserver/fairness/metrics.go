package fairness

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count under Kubernetes' names.
type metrics struct {
	dispatched, rejected *prometheus.CounterVec
	inQueue, executing   *prometheus.GaugeVec
	wait                 *prometheus.HistogramVec
}

func newMetrics() *metrics {
	labels := []string{"priority_level", "flow_schema"}
	return &metrics{
		dispatched: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apiserver_flowcontrol_dispatched_requests_total", Help: "Requests that were served.",
		}, labels),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apiserver_flowcontrol_rejected_requests_total", Help: "Requests that were sent away, and why.",
		}, append(labels, "reason")),
		inQueue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "apiserver_flowcontrol_current_inqueue_requests", Help: "Requests that wait.",
		}, labels),
		executing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "apiserver_flowcontrol_current_executing_requests", Help: "Requests that are being served.",
		}, labels),
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "apiserver_flowcontrol_request_wait_duration_seconds", Help: "How long requests waited that had to.",
			Buckets: []float64{0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30},
		}, labels),
	}
}

// Collectors are the limiter's figures, for [apiserver.Config].
func (l *Limiter) Collectors() []prometheus.Collector {
	m := l.metrics
	return []prometheus.Collector{m.dispatched, m.rejected, m.inQueue, m.executing, m.wait, seatCounts{l}}
}

// figures are the metrics of one FlowSchema.
type figures struct {
	*metrics
	labels               []string
	dispatchedC          prometheus.Counter
	inQueueG, executingG prometheus.Gauge
}

func (m *metrics) of(level, schema string) figures {
	labels := []string{level, schema}
	return figures{
		metrics: m, labels: labels, dispatchedC: m.dispatched.WithLabelValues(labels...),
		inQueueG: m.inQueue.WithLabelValues(labels...), executingG: m.executing.WithLabelValues(labels...),
	}
}

func (f *figures) begun() {
	f.dispatchedC.Inc()
	f.executingG.Inc()
}

func (f *figures) ended()                 { f.executingG.Dec() }
func (f *figures) queued(n float64)       { f.inQueueG.Add(n) }
func (f *figures) waited(d time.Duration) { f.wait.WithLabelValues(f.labels...).Observe(d.Seconds()) }
func (f *figures) rejected(reason string) {
	f.metrics.rejected.WithLabelValues(append(f.labels[:2:2], reason)...).Inc()
}

// seatCounts tells how many seats levels have and use.
type seatCounts struct{ l *Limiter }

var (
	nominalDesc = prometheus.NewDesc("apiserver_flowcontrol_nominal_limit_seats", "Seats that a level has by right.", []string{"priority_level"}, nil)
	usedDesc    = prometheus.NewDesc("apiserver_flowcontrol_current_executing_seats", "Seats that a level's requests take.", []string{"priority_level"}, nil)
)

// Describe implements prometheus.Collector.
func (seatCounts) Describe(out chan<- *prometheus.Desc) { out <- nominalDesc; out <- usedDesc }

// Collect implements prometheus.Collector.
func (c seatCounts) Collect(out chan<- prometheus.Metric) {
	type count struct {
		name          string
		nominal, used int
	}
	var counts []count
	c.l.mu.Lock()
	for _, lv := range c.l.levels {
		counts = append(counts, count{lv.name, lv.Nominal, lv.inUse})
	}
	c.l.mu.Unlock()
	for _, n := range counts {
		out <- prometheus.MustNewConstMetric(nominalDesc, prometheus.GaugeValue, float64(n.nominal), n.name)
		out <- prometheus.MustNewConstMetric(usedDesc, prometheus.GaugeValue, float64(n.used), n.name)
	}
}

package apiserver

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts what a server does, under the names that Kubernetes uses. Each
// server has its own, so that many fit into one process.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	watchEvents prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apiserver_request_total",
			Help: "Requests by verb, resource and status code.",
		}, []string{"verb", "group", "version", "resource", "subresource", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "apiserver_request_duration_seconds",
			Help:    "Time to answer, in seconds, of requests that are not streams.",
			Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60},
		}, []string{"verb", "group", "resource"}),
		watchEvents: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "apiserver_watch_events_total",
			Help: "Events written to watchers.",
		}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.watchEvents)
	return m
}

// handler serves the figures.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// observe counts a request that has ended. Only resources that exist are named,
// so that clients cannot fill the memory with names of their own.
func (m *metrics) observe(q *request, started time.Time) {
	verb, group, version, resource, subresource := "other", "", "", "", ""
	if q.resource != nil {
		verb = q.info.Verb
		group, version, resource = q.resource.Group, q.resource.Version, q.resource.Plural
		if q.w.code < http.StatusBadRequest {
			subresource = q.info.Subresource
		}
		if !q.longRunning() {
			m.duration.WithLabelValues(verb, group, resource).Observe(time.Since(started).Seconds())
		}
	}
	m.requests.WithLabelValues(verb, group, version, resource, subresource, strconv.Itoa(q.w.code)).Inc()
}

package apiserver

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/coracle-k8s/coracle/api"
)

// metrics counts what a server does, under the names that Kubernetes uses. Each
// server has its own, so that many fit into one process.
type metrics struct {
	requests    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	sizes       *prometheus.HistogramVec
	inflight    *prometheus.GaugeVec
	longRunning *prometheus.GaugeVec
	watchEvents *prometheus.CounterVec
	admission   *prometheus.HistogramVec
	health      *prometheus.GaugeVec
	checks      *prometheus.CounterVec

	readOnly, mutating prometheus.Gauge
	// known are the series that requests have used: looking one up by all its
	// labels costs more than counting.
	known sync.Map // seriesKey -> *series
}

// where are the labels that say which part of the API a request is about.
func where(more ...string) []string {
	return append([]string{"verb", "group", "version", "resource", "subresource", "scope", "component"}, more...)
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &metrics{
		requests: counter("apiserver_request_total",
			"Requests by what they are about and the status code of the answer.", where("dry_run", "code")...),
		duration: histogram("apiserver_request_duration_seconds", "Time to answer, in seconds, of requests that are not streams.",
			[]float64{0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60}, where("dry_run")...),
		sizes: histogram("apiserver_response_sizes", "Size of the answers to reads, in bytes.",
			prometheus.ExponentialBuckets(1000, 10, 7), where()...),
		inflight:    gauge("apiserver_current_inflight_requests", "Requests under way that are not streams.", "request_kind"),
		longRunning: gauge("apiserver_longrunning_requests", "Streams under way.", where()...),
		watchEvents: counter("apiserver_watch_events_total", "Events written to watchers.", "group", "version", "resource"),
		admission: histogram("apiserver_admission_step_admission_duration_seconds", "Time that all admission hooks take together, in seconds.",
			[]float64{0.005, 0.025, 0.1, 0.5, 1, 2.5, 10}, "type", "operation", "rejected"),
		health: gauge("kubernetes_healthcheck", "What a health check said last: 1 is well.", "name", "type"),
		checks: counter("kubernetes_healthchecks_total", "What health checks have said.", "name", "type", "status"),
	}
	m.readOnly, m.mutating = m.inflight.WithLabelValues("readOnly"), m.inflight.WithLabelValues("mutating")
	return m
}

// handlers serve the figures: all of them, and those of health checks alone.
func (m *metrics) handlers(s *Server) (all, slis http.Handler) {
	registry := sync.OnceValue(func() http.Handler {
		r := prometheus.NewRegistry()
		r.MustRegister(m.requests, m.duration, m.sizes, m.inflight, m.longRunning, m.watchEvents, m.admission,
			objectCounts{s.storage}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		r.MustRegister(s.Collectors...)
		return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	})
	ofHealth := prometheus.NewRegistry()
	ofHealth.MustRegister(m.health, m.checks)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { registry().ServeHTTP(w, r) }),
		promhttp.HandlerFor(ofHealth, promhttp.HandlerOpts{})
}

// A seriesKey tells requests apart as metrics do.
type seriesKey struct {
	resource                         *api.Resource
	verb, subresource, scope, dryRun string
	code                             int
}

// series are the figures of requests that metrics do not tell apart.
type series struct {
	total    prometheus.Counter
	duration prometheus.Observer // nil for streams
	size     prometheus.Observer // nil for what is no read
}

// begin counts a request as under way. The function it returns is called when that
// has ended. Only resources that exist are named, so that clients cannot fill the
// memory with names of their own.
func (m *metrics) begin(q *request, started time.Time) (end func()) {
	gauge := m.mutating
	if q.Method == http.MethodGet || q.Method == http.MethodHead {
		gauge = m.readOnly
	}
	gauge.Inc()
	return func() {
		gauge.Dec()
		key := q.seriesKey()
		found, ok := m.known.Load(key)
		if !ok {
			found, _ = m.known.LoadOrStore(key, m.series(key))
		}
		s := found.(*series)
		s.total.Inc()
		if s.duration != nil {
			s.duration.Observe(time.Since(started).Seconds())
		}
		if s.size != nil {
			s.size.Observe(float64(q.w.size))
		}
	}
}

// stream counts a stream as one, rather than as a request, until it ends.
func (m *metrics) stream(q *request) (end func()) {
	gauge := m.mutating
	if q.Method == http.MethodGet || q.Method == http.MethodHead {
		gauge = m.readOnly
	}
	key := q.seriesKey()
	streams := m.longRunning.WithLabelValues(key.labels()...)
	gauge.Dec()
	streams.Inc()
	return func() {
		streams.Dec()
		gauge.Inc() // begin's end takes it away
	}
}

func (m *metrics) series(key seriesKey) *series {
	labels := key.labels()
	s := &series{total: m.requests.WithLabelValues(append(labels, key.dryRun, strconv.Itoa(key.code))...)}
	if key.verb != "WATCH" && key.verb != "CONNECT" {
		s.duration = m.duration.WithLabelValues(append(labels, key.dryRun)...)
	}
	if key.verb == "GET" || key.verb == "LIST" {
		s.size = m.sizes.WithLabelValues(labels...)
	}
	return s
}

// labels are the values of [where].
func (k seriesKey) labels() []string {
	group, version, resource := "", "", ""
	if k.resource != nil {
		group, version, resource = k.resource.Group, k.resource.Version, k.resource.Plural
	}
	// With room for two more, which each user of the slice puts there itself.
	return append(make([]string, 0, 9), k.verb, group, version, resource, k.subresource, k.scope, "apiserver")[:7:7]
}

func (q *request) seriesKey() seriesKey {
	key := seriesKey{verb: metricVerb(q), code: q.w.code}
	if q.options.dryRun {
		key.dryRun = "All"
	}
	if q.resource == nil {
		return key
	}
	key.resource = q.resource
	switch {
	case q.info.Name != "" || q.info.Verb == "create":
		key.scope = "resource"
	case q.info.Namespace != "":
		key.scope = "namespace"
	default:
		key.scope = "cluster"
	}
	if q.w.code < http.StatusBadRequest {
		key.subresource = q.info.Subresource
	}
	return key
}

// metricVerb is a request's verb as metrics have it: the HTTP method, but for what
// tells more.
func metricVerb(q *request) string {
	if q.info == nil || !q.info.IsResource {
		switch q.Method {
		case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
			return q.Method
		}
		return "other"
	}
	switch verb := q.info.Verb; {
	case verb == "watch":
		return "WATCH"
	case q.longRunning():
		return "CONNECT"
	case verb == "create":
		return http.MethodPost
	case verb == "update":
		return http.MethodPut
	case verb == "patch" && strings.HasPrefix(q.Header.Get("Content-Type"), "application/apply-patch"):
		return "APPLY"
	default:
		return strings.ToUpper(verb)
	}
}

// admitted notes how long the hooks took for a step, and whether they refused.
func (m *metrics) admitted(step string, op Operation, began time.Time, err *error) {
	m.admission.WithLabelValues(step, string(op), strconv.FormatBool(*err != nil)).Observe(time.Since(began).Seconds())
}

// checked notes what a health check said.
func (m *metrics) checked(name, endpoint string, err error) {
	status, well := "success", 1.0
	if err != nil {
		status, well = "error", 0
	}
	m.health.WithLabelValues(name, endpoint).Set(well)
	m.checks.WithLabelValues(name, endpoint, status).Inc()
}

// objectCounts tells how many objects there are of each kind that is in the cache.
type objectCounts struct{ storage *Storage }

var objectsDesc = prometheus.NewDesc("apiserver_resource_objects",
	"Objects of each kind that somebody has read.", []string{"group", "resource"}, nil)

// storedDesc has the name that many dashboards still use.
var storedDesc = prometheus.NewDesc("apiserver_storage_objects",
	"The same by the resource's name with its group; apiserver_resource_objects is the newer name.", []string{"resource"}, nil)

// Describe implements prometheus.Collector.
func (objectCounts) Describe(out chan<- *prometheus.Desc) {
	out <- objectsDesc
	out <- storedDesc
}

// Collect implements prometheus.Collector.
func (o objectCounts) Collect(out chan<- prometheus.Metric) {
	for name, n := range o.storage.cache.counts() {
		out <- prometheus.MustNewConstMetric(objectsDesc, prometheus.GaugeValue, float64(n), name.Group, name.Resource)
		out <- prometheus.MustNewConstMetric(storedDesc, prometheus.GaugeValue, float64(n), name.String())
	}
}

// observed calls a health check and notes what it said.
func (s *Server) observed(ctx context.Context, c HealthCheck, endpoint string) error {
	err := c.Check(ctx)
	s.metrics.checked(c.Name, endpoint, err)
	return err
}

package webhook

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
)

// The types of webhooks, as metrics have them.
const (
	admitting    = "admit"
	judging      = "validating"
	maxSeenCode  = 600 // greater codes count as this one, so that there are not too many series
	callFailed   = "calling_webhook_error"
	serverFailed = "apiserver_internal_error"
	noneFailed   = "no_error"
)

// metrics count what webhooks do, under the field's names.
type metrics struct {
	duration   *prometheus.HistogramVec
	requests   *prometheus.CounterVec
	rejections *prometheus.CounterVec
	failedOpen *prometheus.CounterVec
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "apiserver_admission_webhook_" + name, Help: help}, labels)
	}
	return &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "apiserver_admission_webhook_admission_duration_seconds", Help: "Time that one webhook takes, in seconds.",
			Buckets: []float64{0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25},
		}, []string{"name", "type", "operation", "rejected"}),
		requests: counter("request_total", "Calls of webhooks by the code of what they answered.",
			"name", "type", "operation", "code", "rejected"),
		rejections: counter("rejection_count", "Requests refused by webhooks, or because one failed.",
			"name", "type", "operation", "error_type", "rejection_code"),
		failedOpen: counter("fail_open_count", "Failures of webhooks that were ignored, as these wish.", "name", "type"),
	}
}

// Collectors returns the figures about webhooks.
func (w *Webhooks) Collectors() []prometheus.Collector {
	return []prometheus.Collector{w.metrics.duration, w.metrics.requests, w.metrics.rejections, w.metrics.failedOpen}
}

// called counts a call that ended with an error, or with none.
func (m *metrics) called(a *apiserver.Admission, h *webhook, kind string, began time.Time, err error) {
	operation := string(a.Operation)
	why, code := verdictOf(err)
	rejected := err != nil
	if why == callFailed && h.ignoresFailure() {
		rejected = false
		m.failedOpen.WithLabelValues(h.Name, kind).Inc()
	}
	if rejected {
		refusal := code
		if why != noneFailed {
			refusal = 0
		}
		m.rejections.WithLabelValues(h.Name, kind, operation, why, strconv.Itoa(refusal)).Inc()
	}
	text := strconv.FormatBool(rejected)
	m.duration.WithLabelValues(h.Name, kind, operation, text).Observe(time.Since(began).Seconds())
	m.requests.WithLabelValues(h.Name, kind, operation, strconv.Itoa(code), text).Inc()
}

// verdictOf tells whose the error is, and the code: that of a refusal is the
// webhook's.
func verdictOf(err error) (why string, code int) {
	if err == nil {
		return noneFailed, http.StatusOK
	}
	if _, failed := errors.AsType[*failure](err); failed {
		return callFailed, 0
	}
	if apierrors.IsInternalError(err) {
		return serverFailed, http.StatusInternalServerError
	}
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return noneFailed, min(int(status.ErrStatus.Code), maxSeenCode)
	}
	return serverFailed, http.StatusInternalServerError
}

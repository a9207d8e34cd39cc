package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/coracle-k8s/coracle/apiserver/admission/webhook"
)

// figures is what a metrics endpoint says of webhooks.
func figures(t *testing.T, w *webhook.Webhooks) string {
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.Collectors()...)
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

// Refusals, failures and failures that are ignored are told apart.
func TestMetrics(t *testing.T) {
	run(t, func(f *fixture) {
		f.serve("no", answer(deny("not today")))
		f.validating("v", f.entry("no"))
		f.create("one", http.StatusBadRequest)
		said := figures(t, f.hooks)
		require.Contains(t, said, `apiserver_admission_webhook_rejection_count{error_type="no_error",name="no.example.com",operation="CREATE",rejection_code="400",type="validating"} 1`)
		require.Contains(t, said, `apiserver_admission_webhook_request_total{code="400",name="no.example.com",operation="CREATE",rejected="true",type="validating"} 1`)
		require.Contains(t, said, `apiserver_admission_webhook_admission_duration_seconds_count{name="no.example.com",operation="CREATE",rejected="true",type="validating"} 1`)
	})
	run(t, func(f *fixture) {
		f.serve("broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		f.mutating("m", f.entry("broken"))
		f.create("one", http.StatusInternalServerError)
		require.Contains(t, figures(t, f.hooks),
			`apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error",name="broken.example.com",operation="CREATE",rejection_code="0",type="admit"} 1`)
	})
	run(t, func(f *fixture) {
		f.serve("broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		f.mutating("m", f.entry("broken", func(h *admissionregistrationv1.MutatingWebhook) {
			h.FailurePolicy = new(admissionregistrationv1.Ignore)
		}))
		f.create("one", http.StatusCreated)
		require.Contains(t, figures(t, f.hooks),
			`apiserver_admission_webhook_fail_open_count{name="broken.example.com",type="admit"} 1`)
	})
}

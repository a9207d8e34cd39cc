package apiserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetrics_count_requests(t *testing.T) {
	f := start(t)
	f.configMap("a")
	text := f.request("GET", "/metrics", "").Body.String()
	require.Contains(t, text, `apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"} 1`)
}

func TestMetrics_are_those_of_the_field(t *testing.T) {
	f := start(t)
	f.configMap("a")
	f.ok("GET", configMaps, "")
	f.request("GET", "/livez", "")
	text := f.request("GET", "/metrics", "").Body.String()
	for _, name := range []string{
		"apiserver_request_duration_seconds_bucket", "apiserver_response_sizes_sum", `apiserver_current_inflight_requests{request_kind="readOnly"} 1`,
		`apiserver_resource_objects{group="",resource="configmaps"} 1`, `apiserver_storage_objects{resource="configmaps"} 1`, `apiserver_admission_step_admission_duration_seconds_count{operation="CREATE"`,
		"go_goroutines", "process_start_time_seconds",
	} {
		require.Contains(t, text, name)
	}
	slis := f.request("GET", "/metrics/slis", "").Body.String()
	require.Contains(t, slis, `kubernetes_healthchecks_total{name="ping",status="success",type="livez"} 1`)
	require.Contains(t, f.request("GET", "/debug/pprof/", "").Body.String(), "goroutine")
}

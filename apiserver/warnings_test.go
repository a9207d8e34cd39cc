package apiserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

func TestWarnings_owners_named_twice(t *testing.T) {
	f := start(t)
	owner := `{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}`
	w := f.request("POST", configMaps, `{"metadata": {"name": "a", "ownerReferences": [`+owner+`, `+owner+`]}}`)
	require.Equal(t, 201, w.Code, w.Body)
	require.Contains(t, w.Header().Get("Warning"), "duplicate UID(s) observed: 1")
	require.Len(t, parse(t, w.Body.Bytes()).at("metadata.ownerReferences"), 1)
}

func TestWarnings_of_a_kind_on_its_way_out(t *testing.T) {
	f := start(t)
	w := f.request("GET", "/api/v1/endpoints", "")
	require.Equal(t, `299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"`, w.Header().Get("Warning"))
}

func TestFinalizers_are_qualified(t *testing.T) {
	f := start(t)
	const cause = `metadata.finalizers[0]: Invalid value: "stay": name is neither a standard finalizer name nor is it fully qualified`
	status := f.refused(422, "POST", configMaps, `{"metadata": {"name": "a", "finalizers": ["stay"]}}`)
	require.Equal(t, `ConfigMap "a" is invalid: `+cause, status.text("message"))
	f.configMap("a")
	f.refused(422, "PATCH", configMaps+"/a", `{"metadata": {"finalizers": ["stay"]}}`, "Content-Type: application/merge-patch+json")
	f.ok("PATCH", configMaps+"/a", `{"metadata": {"finalizers": ["example.com/stay", "orphan"]}}`, "Content-Type: application/merge-patch+json")
	f.ok("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", `{"metadata": {"name": "a", "finalizers": ["stay"]}}`)
}

func TestFinalizers_of_custom_kinds_warn(t *testing.T) {
	f := start(t, func(c *apiserver.Config) {
		c.Storage = apiserver.NewStorage(startStore(t), api.NewRegistry([]*api.Resource{boats()}), nil)
	})
	w := f.request("POST", "/apis/example.org/v1/namespaces/default/boats",
		`{"apiVersion": "example.org/v1", "kind": "Boat", "metadata": {"name": "a", "finalizers": ["stay"]}, "spec": {"wood": "oak"}}`)
	require.Equal(t, 201, w.Code, w.Body)
	require.Contains(t, w.Header().Get("Warning"), "prefer a domain-qualified finalizer name to avoid")
}

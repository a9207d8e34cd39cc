package apiserver_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

const applyYAML = "Content-Type: application/apply-patch+yaml"

// managers returns who has written an object, in the order of its entries, as
// manager/operation/subresource.
func managers(obj fields) []string {
	var found []string
	entries, _ := obj.at("metadata.managedFields").([]any)
	for _, e := range entries {
		entry := fields(e.(map[string]any))
		found = append(found, fmt.Sprint(entry.text("manager"), "/", entry.text("operation"), "/", entry.text("subresource")))
	}
	return found
}

// A write that changes nothing but the time of its entry is not stored, however
// much later it comes; one that changes something moves the time.
func TestApply_time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		path := "/api/v1/namespaces/default/configmaps/c"
		config := `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "%s"}}`
		first := f.ok("PATCH", path+"?fieldManager=ana", fmt.Sprintf(config, "1"), applyYAML)
		put := `{"metadata": {"name": "c"}, "data": {"a": "1"}}`
		for range 2 {
			time.Sleep(time.Hour)
			again := f.ok("PATCH", path+"?fieldManager=ana", fmt.Sprintf(config, "1"), applyYAML)
			require.Equal(t, first, again)
			require.Equal(t, first, f.ok("PUT", path+"?fieldManager=bob", put))
		}
		second := f.ok("PATCH", path+"?fieldManager=ana", fmt.Sprintf(config, "2"), applyYAML)
		require.NotEqual(t, first.revision(), second.revision())
		require.Equal(t, []string{"ana/Apply/"}, managers(second))
		require.NotEqual(t, first.at("metadata.managedFields"), second.at("metadata.managedFields"))
	})
}

// Other writes are noted under the client's name for itself, else its program.
func TestManagedFields_names(t *testing.T) {
	f := start(t)
	agent := "User-Agent: kub\u0007ectl/v1.37 (linux)"
	pod := f.ok("POST", pods, fmt.Sprintf(podBody, 1, 1), agent)
	require.Equal(t, []string{"kubectl/Update/"}, managers(pod))
	edit := `[{"op": "replace", "path": "/metadata/managedFields/0/manager", "value": "%s"}]`
	pod = f.ok("PATCH", pods+"/p1", fmt.Sprintf(edit, "editor"), "Content-Type: application/json-patch+json")
	require.Equal(t, []string{"editor/Update/"}, managers(pod)) // as kubectl does, to go over to server-side apply

	f.ok("PATCH", pods+"/p1?fieldManager=labeller", `{"metadata": {"labels": {"x": "y"}}}`, agent)
	pod = f.ok("PATCH", pods+"/p1/status", `{"status": {"phase": "Running"}}`, "User-Agent: kubelet/v1")
	require.ElementsMatch(t, []string{"editor/Update/", "labeller/Update/", "kubelet/Update/status"}, managers(pod))

	// The label goes to its new owner, and the old one has nothing left.
	pod = f.ok("PATCH", pods+"/p1?fieldManager=other", `{"metadata": {"labels": {"x": "z"}}}`)
	require.ElementsMatch(t, []string{"editor/Update/", "other/Update/", "kubelet/Update/status"}, managers(pod))

	// What is no list of managers is not taken for one, and an emptied list forgets them.
	pod = f.ok("PATCH", pods+"/p1", fmt.Sprintf(`{"metadata": {"managedFields": [{"manager": "%s"}]}}`, "x"))
	require.Len(t, managers(pod), 3)
	pod = f.ok("PATCH", pods+"/p1", `{"metadata": {"managedFields": []}}`)
	require.Empty(t, managers(pod))
}

// Custom resources are applied as well: their maps merge, their lists are one value.
func TestApply_custom(t *testing.T) {
	f := start(t, func(c *apiserver.Config) {
		c.Storage = apiserver.NewStorage(startStore(t), api.NewRegistry([]*api.Resource{boats()}), nil)
	})
	path := "/apis/example.org/v1/namespaces/default/boats/argo"
	boat := `{"apiVersion": "example.org/v1", "kind": "Boat", "metadata": {"name": "argo"}, "spec": %s}`
	made := f.ok("PATCH", path+"?fieldManager=ana", fmt.Sprintf(boat, `{"wood": "oak", "crew": ["a", "b"]}`), applyYAML)
	require.Equal(t, []string{"ana/Apply/"}, managers(made))
	f.ok("PATCH", path+"?fieldManager=bob", fmt.Sprintf(boat, `{"color": "red"}`), applyYAML)
	status := f.refused(409, "PATCH", path+"?fieldManager=bob", fmt.Sprintf(boat, `{"crew": ["c"]}`), applyYAML)
	require.Equal(t, `Apply failed with 1 conflict: conflict with "ana": .spec.crew`, status.text("message"))
	merged := f.ok("PATCH", path+"?fieldManager=ana", fmt.Sprintf(boat, `{"wood": "oak"}`), applyYAML)
	require.Equal(t, map[string]any{"wood": "oak", "color": "red"}, merged.at("spec"))
}

// Many who apply their own part of one object that is not there yet all succeed.
func TestApply_concurrent(t *testing.T) {
	f := start(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			body := fmt.Sprintf(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k%d": "v"}}`, i)
			w := f.request("PATCH", fmt.Sprintf("/api/v1/namespaces/default/configmaps/c?fieldManager=m%d", i), body, applyYAML)
			if w.Code != 200 && w.Code != 201 {
				t.Error(w.Code, w.Body)
			}
		})
	}
	all.Wait()
	got := f.ok("GET", "/api/v1/namespaces/default/configmaps/c", "")
	require.Len(t, got.at("data"), 4)
	require.Len(t, managers(got), 4)
}

package cluster_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// nowhere reaches no node.
type nowhere struct{ apiserver.NodeTransport }

// startAPI runs the API server of a cluster, with all that it has.
func startAPI(t *testing.T) *cluster.API {
	t.Helper()
	st := memstore.New()
	api, err := cluster.NewAPI(cluster.Config{}, st, nowhere{}, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		if err := api.Run(ctx, func() { close(ready) }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		require.NoError(t, st.Close())
	})
	<-ready
	return api
}

// ask sends a request without a body as a user, or as nobody, and returns the answer.
func ask(t *testing.T, api http.Handler, user *apiserver.User, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // whoever is let in to a watch would stay
	defer cancel()
	if user != nil {
		ctx = auth.WithUser(ctx, user)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, http.NoBody))
	return w
}

// routes returns all paths that the server says it has: of every version of
// every group, each resource and subresource in every form of its path, and those
// outside resources.
func routes(t *testing.T, api http.Handler) []string {
	root := &apiserver.User{Name: "root", Groups: []string{auth.GroupMasters}}
	read := func(path string, into any) {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(auth.WithUser(t.Context(), root), "GET", path, http.NoBody))
		require.Equal(t, 200, w.Code, "GET %s: %s", path, w.Body)
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), into), path)
	}
	var paths metav1.RootPaths
	read("/", &paths)
	all := slices.Clone(paths.Paths)
	versions := []string{"/api/v1"}
	var groups metav1.APIGroupList
	read("/apis", &groups)
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			versions = append(versions, "/apis/"+v.GroupVersion)
		}
	}
	require.Greater(t, len(versions), 20)
	for _, prefix := range versions {
		var list metav1.APIResourceList
		read(prefix, &list)
		for _, r := range list.APIResources {
			name, sub, _ := strings.Cut(r.Name, "/")
			if sub != "" {
				sub = "/" + sub
			}
			in := prefix
			if r.Namespaced {
				all = append(all, prefix+"/"+name) // of all namespaces
				in += "/namespaces/default"
			}
			all = append(all, in+"/"+name, in+"/"+name+"/x"+sub, in+"/"+name+"/x"+sub+"/more/behind",
				strings.Replace(in, prefix, prefix+"/watch", 1)+"/"+name)
		}
	}
	return append(all, "/", "/nothing", "/api/", "/api/v2", "/apis/nothing/v1", "/debug/pprof/", "/logs/", "/metrics", "/metrics/slis",
		"/configz", "/statusz", "/flagz", "/healthz/etcd", "/livez/ping", "/readyz/ping", "/version/more", "/openapi/v2", "/openapi/v3",
		"/.well-known/openid-configuration", "/openid/v1/jwks", cluster.SnapshotPath,
		"/version/../api/v1/secrets", "//api/v1/secrets", "/api/v1//secrets", "/API/v1/secrets", "/healthz/../metrics",
		"/api/v1/namespaces/default/secrets/%2e%2e/x", "/api/v1/secrets?watch=true", "/api/v1/nodes/x/proxy/metrics",
		"/api/v1/namespaces/default/pods/x/exec?command=id", "/api/v1/proxy/nodes/x", "/apis/apps/v1/secrets/x/scale")
}

// defineBoats makes a custom kind with all subresources, and waits until it is served.
func defineBoats(t *testing.T, api http.Handler) {
	root := auth.WithUser(t.Context(), &apiserver.User{Name: "root", Groups: []string{auth.GroupMasters}})
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(root, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", strings.NewReader(`{
		"metadata": {"name": "boats.example.org"},
		"spec": {"group": "example.org", "scope": "Namespaced", "names": {"plural": "boats", "kind": "Boat"}, "versions": [{
			"name": "v1", "served": true, "storage": true,
			"subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.oars", "statusReplicasPath": ".status.oars"}},
			"schema": {"openAPIV3Schema": {"type": "object", "properties": {
				"spec": {"type": "object", "properties": {"oars": {"type": "integer"}}},
				"status": {"type": "object", "properties": {"oars": {"type": "integer"}}}}}}
		}]}}`)))
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.Eventually(t, func() bool {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(root, "GET", "/apis/example.org/v1", http.NoBody))
		return w.Code == http.StatusOK
	}, time.Minute, 10*time.Millisecond, "the kind is not served")
}

// TestRoutes: whoever has no rights gets nowhere, by no path and no method, but
// to what everybody may know. Whatever the server serves is tried, so that
// nothing new can be forgotten.
func TestRoutes(t *testing.T) {
	api := startAPI(t)
	defineBoats(t, api)
	all := routes(t, api)
	require.Greater(t, len(all), 500)
	require.Contains(t, all, "/apis/example.org/v1/namespaces/default/boats/x/scale")

	public := []string{"/healthz", "/livez", "/readyz", "/version"}
	mallory := &apiserver.User{Name: "mallory", Groups: []string{"system:authenticated"}}
	mayMallory := func(method, path string) bool {
		switch method {
		case "GET":
			return slices.Contains(public, path) || path == "/api" || strings.HasPrefix(path, "/api/") && !isResource(path) ||
				path == "/apis" || strings.HasPrefix(path, "/apis/") && !isResource(path) || strings.HasPrefix(path, "/openapi/")
		case "POST":
			return slices.Contains([]string{
				"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
				"/apis/authentication.k8s.io/v1/selfsubjectreviews",
			}, path)
		}
		return false
	}
	for _, who := range []struct {
		user *apiserver.User
		may  func(method, path string) bool
	}{
		{nil, func(method, path string) bool { return method == "GET" && slices.Contains(public, path) }},
		{mallory, mayMallory},
	} {
		let := 0
		for _, path := range all {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
				w := ask(t, api, who.user, method, path)
				name := "anonymous"
				if who.user != nil {
					name = who.user.Name
				}
				if who.may(method, path) {
					let++
					require.NotContains(t, []int{401, 403}, w.Code, "%s: %s %s", name, method, path)
					continue
				}
				if strings.Contains(path, "//") && w.Code == 404 {
					continue // no path of a resource, so there is nothing to be allowed
				}
				require.Contains(t, []int{400, 403, 405}, w.Code, "%s: %s %s: %.200s", name, method, path, w.Body)
			}
		}
		require.Positive(t, let, "the ways that are open were tried as well")
	}
}

// isResource says whether a path is below a version of a group.
func isResource(path string) bool {
	parts := strings.Split(strings.Trim(strings.SplitN(path, "?", 2)[0], "/"), "/")
	return parts[0] == "api" && len(parts) > 2 || parts[0] == "apis" && len(parts) > 3
}

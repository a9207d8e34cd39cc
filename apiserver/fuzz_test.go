package apiserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
)

// A request's path is taken apart without losing anything: put together again
// it is the same.
func FuzzParseRequest(f *testing.F) {
	for _, path := range []string{
		"/", "/api", "/api/v1", "/api/v1/pods", "/api/v1/namespaces/shop", "/api/v1/namespaces/shop/status",
		"/api/v1/namespaces/shop/pods/p/proxy/a/b/", "/apis/apps/v1/namespaces/n/deployments/d/scale",
		"/api/v1/watch/namespaces/n/pods", "/apis//v1/x", "//", "/api/v1//",
	} {
		f.Add("GET", path, "watch=true")
	}
	f.Add("POST", "/api/v1/pods", "%zz")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}}
		info, err := apiserver.ParseRequest(r)
		if err != nil || !info.IsResource {
			return
		}
		parts := []string{}
		if info.Group == "" && strings.HasPrefix(strings.Trim(path, "/"), "api/") {
			parts = append(parts, "api", info.Version)
		} else {
			parts = append(parts, "apis", info.Group, info.Version)
		}
		if info.Namespace != "" && info.Resource != "namespaces" {
			parts = append(parts, "namespaces", info.Namespace)
		}
		parts = append(parts, info.Resource)
		again := "/" + strings.Join(parts, "/")
		trimmed := "/" + strings.Trim(path, "/")
		trimmed = strings.Replace(trimmed, "/"+info.Version+"/watch/", "/"+info.Version+"/", 1)
		again = strings.Replace(again, "/"+info.Version+"/watch/", "/"+info.Version+"/", 1)
		require.True(t, strings.HasPrefix(trimmed, again), "%q does not begin with %q", trimmed, again)
	})
}

// A continue token is a client's word: whatever it says, the answer is a page of
// the kind or a clear refusal.
func FuzzContinue(f *testing.F) {
	server := start(f)
	server.ok("POST", configMaps, `{"metadata":{"name":"mine"}}`)
	server.ok("POST", "/api/v1/namespaces/default/secrets", `{"metadata":{"name":"hidden"}}`)
	f.Add("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Miwic3RhcnQiOiJkZWZhdWx0L2JcdTAwMDAifQ")
	f.Add("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vc2VjcmV0cy8ifQ")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", configMaps+"?limit=1&continue="+url.QueryEscape(token), nil)
		server.ServeHTTP(w, r)
		require.Contains(t, []int{200, 400, 410, 504}, w.Code, w.Body)
		require.NotContains(t, w.Body.String(), "hidden")
	})
}

// Whatever a patch says, the object afterwards is a valid one of the same name,
// or as it was. A strategic patch below a field that the kind does not have is
// answered with 500, as in Kubernetes.
func FuzzPatch(f *testing.F) {
	server := start(f)
	server.ok("POST", "/apis/apps/v1/namespaces/default/deployments", `{"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"a":"b"}},
		"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}`)
	kinds := []string{"application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"}
	f.Add(0, `[{"op":"remove","path":"/spec/template/spec/containers/0"}]`)
	f.Add(0, `[{"op":"add","path":"/metadata/labels","value":{"x":"y"}},{"op":"copy","from":"/spec","path":"/status"}]`)
	f.Add(1, `{"spec":null}`)
	f.Add(1, `{"metadata":{"name":null,"uid":null,"creationTimestamp":"x"}}`)
	f.Add(2, `{"spec":{"template":{"spec":{"containers":[{"$patch":"delete","name":"c"}]}}}}`)
	f.Add(2, `{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"z"}]}}}}`)
	f.Add(2, `{"$patch":"replace"}`)
	f.Add(2, `{"spec":{"template":{"spec":{"":{}}}}}`)
	f.Fuzz(func(t *testing.T, kind int, patch string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "PATCH", "/apis/apps/v1/namespaces/default/deployments/web?dryRun=All", strings.NewReader(patch))
		r.Header.Set("Content-Type", kinds[uint(kind)%3])
		server.ServeHTTP(w, r)
		require.Contains(t, []int{200, 400, 409, 413, 422, 500}, w.Code, w.Body)
		require.NotContains(t, w.Body.String(), "caused a panic")
		if w.Code == 200 {
			require.Equal(t, "web", parse(t, w.Body.Bytes()).text("metadata.name"))
		}
	})
}

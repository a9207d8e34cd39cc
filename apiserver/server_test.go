package apiserver_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

func TestNew_needs_a_storage(t *testing.T) {
	_, err := apiserver.New(apiserver.Config{})
	require.Error(t, err)
}

func TestAccess_is_denied_by_default(t *testing.T) {
	noAuthorizer := start(t, func(c *apiserver.Config) { c.Authorizer = nil })
	noAuthorizer.refused(403, "GET", "/api/v1/pods", "")
	noAuthorizer.refused(403, "GET", "/healthz", "")
	stranger := start(t, func(c *apiserver.Config) { c.Authenticators = nil })
	status := stranger.refused(401, "GET", "/api/v1/pods", "")
	require.Equal(t, "Unauthorized", status.text("reason"))
	noOpinion := start(t, func(c *apiserver.Config) {
		c.Authorizer = authorizerFunc(func(*apiserver.Attributes) apiserver.Decision { return apiserver.NoOpinion })
	})
	status = noOpinion.refused(403, "GET", "/apis/apps/v1/namespaces/shop/deployments/web/scale", "", "X-User: eve")
	require.Equal(t, `deployments.apps "web" is forbidden: User "eve" cannot get resource "deployments/scale" in API group "apps" in the namespace "shop"`, status.text("message"))
}

func TestAccess_bad_credentials_are_not_tried_elsewhere(t *testing.T) {
	f := start(t, func(c *apiserver.Config) {
		c.Authenticators = append([]apiserver.Authenticator{badToken{}}, c.Authenticators...)
	})
	f.refused(401, "GET", "/api/v1/pods", "", "Authorization: Bearer old")
	f.ok("GET", "/api/v1/pods", "")
}

type badToken struct{}

func (badToken) Authenticate(r *http.Request) (*apiserver.User, error) {
	if r.Header.Get("Authorization") != "" {
		return nil, errors.New("the token has expired")
	}
	return nil, nil
}

func TestAccess_impersonation_needs_the_right(t *testing.T) {
	var asked []apiserver.Attributes
	f := start(t, func(c *apiserver.Config) {
		c.Authorizer = authorizerFunc(func(a *apiserver.Attributes) apiserver.Decision {
			asked = append(asked, *a)
			if strings.HasPrefix(a.Verb, "impersonate") && a.Name == "root" {
				return apiserver.Deny
			}
			return apiserver.Allow
		})
	})
	f.ok("GET", "/api/v1/pods", "", "Impersonate-User: alice", "Impersonate-Group: ops")
	var verbs []string
	for _, a := range asked {
		verbs = append(verbs, a.Verb+" "+a.Resource.Resource)
	}
	require.Equal(t, []string{"impersonate-on:user-info:list pods", "impersonate:user-info users", "impersonate:user-info groups", "list pods"}, verbs)
	require.Equal(t, "alice", asked[3].User.Name)
	require.Equal(t, []string{"ops", "system:authenticated"}, asked[3].User.Groups)
	f.refused(403, "GET", "/api/v1/pods", "", "Impersonate-User: root")
	f.refused(400, "GET", "/api/v1/pods", "", "Impersonate-Group: system:masters")
}

func TestAccess_of_streams_needs_create(t *testing.T) {
	f := start(t, func(c *apiserver.Config) {
		c.Connectors = map[string]apiserver.Connector{"pods/exec": connectorFunc(nil)}
		c.Authorizer = authorizerFunc(func(a *apiserver.Attributes) apiserver.Decision {
			if a.Verb == "get" {
				return apiserver.Allow
			}
			return apiserver.Deny
		})
	})
	f.refused(403, "GET", "/api/v1/namespaces/default/pods/p/exec?command=ls", "")
}

type connectorFunc func(http.ResponseWriter, *http.Request, *apiserver.Connection) error

func (f connectorFunc) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	return f(w, r, c)
}

func TestConnect_hands_over_the_request(t *testing.T) {
	var got apiserver.Connection
	var admitted []apiserver.Operation
	f := start(t, func(c *apiserver.Config) {
		connector := connectorFunc(func(w http.ResponseWriter, _ *http.Request, c *apiserver.Connection) error {
			got = *c
			_, err := io.WriteString(w, "{}")
			return err
		})
		c.Connectors = map[string]apiserver.Connector{
			"pods/exec": connector, "pods/proxy": connector, "tokenreviews": connector, "pods/log": connector,
		}
		c.Hooks = []apiserver.Hook{apiserver.ValidateFunc(func(_ context.Context, a *apiserver.Admission) error {
			admitted = append(admitted, a.Operation)
			if a.Name == "closed" {
				return errors.New("no entry")
			}
			return nil
		})}
	})
	f.ok("POST", "/api/v1/namespaces/shop/pods/p/proxy/deep/path/", "")
	require.Equal(t, "/deep/path/", got.Path)
	require.Equal(t, "p", got.Name)
	require.Equal(t, "shop", got.Namespace)
	require.Equal(t, []apiserver.Operation{apiserver.Connect}, admitted)
	f.ok("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "{}")
	f.refused(405, "GET", "/apis/authentication.k8s.io/v1/tokenreviews", "")
	f.refused(405, "DELETE", "/api/v1/namespaces/shop/pods/p/log", "")
	f.refused(403, "POST", "/api/v1/namespaces/shop/pods/closed/exec", "")
	f.refused(405, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}")
}

func TestAdmission_order(t *testing.T) {
	var seen []string
	hook := func(name string) apiserver.Hook { return orderHook{name, &seen} }
	f := start(t, func(c *apiserver.Config) { c.Hooks = []apiserver.Hook{hook("a"), hook("b")} })
	f.configMap("x")
	require.Equal(t, []string{"mutate a", "mutate b", "validate a", "validate b"}, seen)
	seen = nil
	f.refused(422, "POST", configMaps, `{"metadata":{"name":"Bad Name"}}`)
	require.Equal(t, []string{"mutate a", "mutate b"}, seen, "what is invalid is not judged further")
	f.refused(403, "POST", configMaps, `{"metadata":{"name":"forbidden"}}`)
}

type orderHook struct {
	name string
	seen *[]string
}

func (h orderHook) Mutate(context.Context, *apiserver.Admission) error {
	*h.seen = append(*h.seen, "mutate "+h.name)
	return nil
}

func (h orderHook) Validate(_ context.Context, a *apiserver.Admission) error {
	*h.seen = append(*h.seen, "validate "+h.name)
	a.Warn("looked at by " + h.name)
	if a.Name == "forbidden" {
		return errors.New("not this one")
	}
	return nil
}

func TestProtobuf_both_ways(t *testing.T) {
	f := start(t)
	codec := api.Codecs()
	data, err := codec.EncodeBytes(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "p"}, Data: map[string]string{"k": "v"},
	}, api.Protobuf)
	require.NoError(t, err)
	w := f.request("POST", configMaps, string(data), "Content-Type: "+api.Protobuf, "Accept: "+api.Protobuf+",application/json")
	require.Equal(t, 201, w.Code)
	require.Equal(t, api.Protobuf, w.Header().Get("Content-Type"))
	found, err := codec.Decode(w.Body.Bytes(), api.Protobuf, schema.GroupVersionKind{}, nil)
	require.NoError(t, err)
	require.Equal(t, "v", found.Object.(*corev1.ConfigMap).Data["k"])

	options, err := codec.EncodeBytes(&metav1.DeleteOptions{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DeleteOptions"}, DryRun: []string{"All"},
	}, api.Protobuf)
	require.NoError(t, err)
	w = f.request("DELETE", configMaps+"/p", string(options), "Content-Type: "+api.Protobuf)
	require.Equal(t, 200, w.Code, w.Body)
	f.ok("GET", configMaps+"/p", "")
}

func TestBody_limit(t *testing.T) {
	f := start(t)
	body := `{"metadata":{"name":"big"},"data":{"k":"` + strings.Repeat("x", apiserver.MaxBodyBytes) + `"}}`
	status := f.refused(413, "POST", configMaps, body)
	require.Equal(t, "RequestEntityTooLarge", status.text("reason"))
}

func TestGzip_of_large_lists(t *testing.T) {
	f := start(t)
	for i := range 3 {
		f.ok("POST", configMaps, fmt.Sprintf(`{"metadata":{"name":"c%d"},"data":{"k":%q}}`, i, strings.Repeat("x", 60<<10)))
	}
	w := f.request("GET", configMaps, "", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
	unzipped, err := gzip.NewReader(w.Body)
	require.NoError(t, err)
	var list fields
	require.NoError(t, json.NewDecoder(unzipped).Decode(&list))
	require.Len(t, list.names(), 3)
	require.Empty(t, f.request("GET", configMaps+"/c0", "", "Accept-Encoding: gzip").Header().Get("Content-Encoding"))
}

func TestPanic_becomes_500(t *testing.T) {
	f := start(t, func(c *apiserver.Config) {
		c.Hooks = []apiserver.Hook{apiserver.MutateFunc(func(context.Context, *apiserver.Admission) error { panic("oops") })}
	})
	status := f.refused(500, "POST", configMaps, `{"metadata":{"name":"x"}}`)
	require.Equal(t, "InternalError", status.text("reason"))
	f.ok("GET", configMaps, "")
}

func TestTimeout_of_requests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, func(c *apiserver.Config) {
			c.Hooks = []apiserver.Hook{apiserver.MutateFunc(func(ctx context.Context, _ *apiserver.Admission) error {
				<-ctx.Done()
				return nil
			})}
		})
		began := time.Now()
		status := f.refused(504, "POST", configMaps, `{"metadata":{"name":"x"}}`)
		require.Equal(t, "Timeout", status.text("reason"))
		require.Equal(t, time.Minute, time.Since(began))
	})
}

func TestList_of_compacted_pages_goes_on_inconsistently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		for _, name := range []string{"a", "b", "c"} {
			f.configMap(name)
		}
		first := f.ok("GET", configMaps+"?limit=1", "")
		time.Sleep(6 * time.Minute)
		f.configMap("d")
		time.Sleep(10 * time.Minute)
		status := f.refused(410, "GET", configMaps+"?limit=1&continue="+first.text("metadata.continue"), "")
		require.Equal(t, "Expired", status.text("reason"))
		rest := f.ok("GET", configMaps+"?continue="+status.text("metadata.continue"), "")
		require.Equal(t, []string{"b", "c", "d"}, rest.names())
	})
}

func TestPatch_concurrent_writers_lose_nothing(t *testing.T) {
	f := start(t)
	f.configMap("a")
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for f.request("PATCH", configMaps+"/a", fmt.Sprintf(`{"data":{"k%d":"v"}}`, i)).Code == 409 {
			}
		})
	}
	writers.Wait()
	require.Len(t, f.ok("GET", configMaps+"/a", "").at("data"), 4)
}

func TestCreate_generates_names(t *testing.T) {
	f := start(t)
	seen := map[string]bool{}
	for range 20 {
		name := f.ok("POST", configMaps, `{"metadata":{"generateName":"job-"}}`).text("metadata.name")
		require.Regexp(t, `^job-[bcdfghjklmnpqrstvwxz2456789]{5}$`, name)
		seen[name] = true
	}
	require.Len(t, seen, 20)
}

func TestDelete_finalizer_removal_tells_watchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		w := f.watch(configMaps + "?watch=true&resourceVersion=1")
		f.ok("POST", configMaps, `{"metadata":{"name":"a","finalizers":["example.org/x"]}}`)
		f.ok("DELETE", configMaps+"/a", "")
		f.ok("PATCH", configMaps+"/a", `{"metadata":{"finalizers":null}}`)
		w.expect("ADDED a")
		w.expect("MODIFIED a")
		gone := w.expect("DELETED a")
		require.NotNil(t, gone.at("metadata.deletionTimestamp"))
		require.Equal(t, "4", gone.revision())
	})
}

func TestObjects_pass_by_the_checks(t *testing.T) {
	f := start(t, func(c *apiserver.Config) { c.Authorizer = nil })
	objects, r := f.Objects(), kinds.Registry().Resource(corev1.SchemeGroupVersion.WithResource("configmaps"))
	ctx := t.Context()
	_, err := objects.Get(ctx, r, "default", "a")
	require.ErrorContains(t, err, `configmaps "a" not found`)
	created, err := objects.Create(ctx, r, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a"}})
	require.NoError(t, err)
	require.NotEmpty(t, created.GetUID())
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			_, err := objects.Modify(ctx, r, "default", "a", func(obj api.Object) error {
				data := &obj.(*corev1.ConfigMap).Data
				if *data == nil {
					*data = map[string]string{}
				}
				(*data)[fmt.Sprint(i)] = "x"
				return nil
			})
			require.NoError(t, err)
		})
	}
	writers.Wait()
	got, err := objects.Get(ctx, r, "default", "a")
	require.NoError(t, err)
	require.Len(t, got.(*corev1.ConfigMap).Data, 8)
	require.NoError(t, objects.Delete(ctx, r, "default", "a"))
	list, err := objects.List(ctx, r, "")
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestStorage_corrupt_object_is_told(t *testing.T) {
	f := start(t)
	f.configMap("good")
	_, err := f.store.Create(t.Context(), "/registry/configmaps/default/bad", []byte("k8s\x00garbage"), 0)
	require.NoError(t, err)
	status := f.refused(500, "GET", configMaps+"/bad", "")
	require.Contains(t, status.text("message"), "/registry/configmaps/default/bad")
	f.refused(500, "GET", configMaps, "")
	f.ok("GET", configMaps+"/good", "")
}

// overtaken is a store whose first watch is overtaken by a compaction.
type overtaken struct {
	store.Store
	once sync.Once
	now  chan struct{}
}

func (o *overtaken) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	w, err := o.Store.Watch(ctx, r, after)
	o.once.Do(func() { w = &lostWatcher{w, o.now} })
	return w, err
}

type lostWatcher struct {
	store.Watcher
	now chan struct{}
}

func (w *lostWatcher) Next(ctx context.Context) (store.Batch, error) {
	select {
	case <-w.now:
		return store.Batch{}, store.ErrCompacted
	case <-ctx.Done():
		return store.Batch{}, ctx.Err()
	}
}

func TestCache_starts_again_when_overtaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &overtaken{Store: memstore.New(), now: make(chan struct{})}
		t.Cleanup(func() { st.Close() })
		f := startOver(t, st)
		w := f.watch(configMaps + "?watch=true")
		synctest.Wait()
		close(st.now)
		event, ok := w.next()
		require.True(t, ok)
		require.EqualValues(t, 410, event.at("object.code"), "its watchers list again")
		f.configMap("a")
		require.Equal(t, []string{"a"}, f.ok("GET", configMaps, "").names())
	})
}

func TestServe_over_TLS_with_HTTP2(t *testing.T) {
	f := start(t)
	fake := httptest.NewUnstartedServer(nil)
	fake.StartTLS() // for its certificate
	defer fake.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, listener, fake.TLS) }()
	transport := fake.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	response, err := client.Get("https://" + listener.Addr().String() + "/version")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "HTTP/2.0", response.Proto)
	require.Equal(t, uint16(tls.VersionTLS13), response.TLS.Version)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "v1.37.2+coracle")
	cancel()
	require.NoError(t, <-done)
}

func TestDiscovery_aggregated(t *testing.T) {
	f := start(t, func(c *apiserver.Config) {
		c.Groups = []apiserver.Group{{
			GroupVersion: schema.GroupVersion{Group: "metrics.k8s.io", Version: "v1beta1"},
			Resources:    []metav1.APIResource{{Name: "nodes", Kind: "NodeMetrics", Verbs: []string{"get", "list"}}},
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `{"user":%q}`, apiserver.UserFrom(r.Context()).Name)
			}),
		}}
	})
	const accept = "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
	w := f.request("GET", "/apis", "", accept)
	require.Contains(t, w.Header().Get("Content-Type"), "as=APIGroupDiscoveryList")
	names := parse(t, w.Body.Bytes()).names()
	require.Contains(t, names, "apps")
	require.Contains(t, names, "metrics.k8s.io")
	core := f.request("GET", "/api", "", accept).Body.String()
	require.Contains(t, core, `"subresource":"status"`)
	require.Equal(t, "admin", f.ok("GET", "/apis/metrics.k8s.io/v1beta1/nodes", "").text("user"))
	require.Equal(t, "metrics.k8s.io/v1beta1", f.ok("GET", "/apis/metrics.k8s.io/v1beta1", "").text("groupVersion"))
}

func TestOpenAPI_says_what_kubectl_asks(t *testing.T) {
	f := start(t)
	root := f.ok("GET", "/openapi/v3", "")
	apps := root["paths"].(map[string]any)["apis/apps/v1"].(map[string]any)["serverRelativeURL"].(string)
	w := f.request("GET", apps, "")
	document := parse(t, w.Body.Bytes())
	patch := fields(document["paths"].(map[string]any)["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"].(map[string]any)["patch"].(map[string]any))
	require.Equal(t, "Deployment", fields(patch["x-kubernetes-group-version-kind"].(map[string]any)).text("kind"))
	require.Contains(t, fmt.Sprint(patch["parameters"]), "fieldValidation")
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	containers := fields(schemas["io.k8s.api.core.v1.PodSpec"].(map[string]any)["properties"].(map[string]any)["containers"].(map[string]any))
	require.Equal(t, "name", containers.text("x-kubernetes-patch-merge-key"))
	require.Equal(t, 304, f.request("GET", apps, "", "If-None-Match: "+w.Header().Get("Etag")).Code)
	require.Equal(t, 200, f.request("GET", "/openapi/v2", "").Code)
	w = f.request("GET", "/openapi/v2", "", "Accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
	require.Equal(t, 200, w.Code, w.Body)
	mediaType, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	require.NoError(t, err, "clients parse the content type")
	require.Equal(t, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", mediaType)
}

func TestServer_that_has_stopped_says_so(t *testing.T) {
	f := start(t)
	f.configMap("a")
	f.stop()
	for range 20 {
		status := f.refused(503, "GET", configMaps, "")
		require.Equal(t, "ServiceUnavailable", status.text("reason"))
	}
	require.Equal(t, 500, f.request("GET", "/readyz", "").Code)
	require.Equal(t, 200, f.request("GET", "/livez", "").Code)
}

func TestServer_waits_until_it_runs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, err := apiserver.New(apiserver.Config{
			Storage:        apiserver.NewStorage(startStore(t), kinds.Registry(), nil),
			Authenticators: []apiserver.Authenticator{admin{}}, Authorizer: allowAll,
		})
		require.NoError(t, err)
		f := &fixture{Server: server, t: t}
		require.Equal(t, 500, f.request("GET", "/readyz", "").Code)
		began := time.Now()
		f.refused(504, "GET", configMaps, "")
		require.Equal(t, time.Minute, time.Since(began))
	})
}

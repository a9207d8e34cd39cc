package aggregator_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/aggregator"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/store/memstore"
)

var metricsVersion = schema.GroupVersion{Group: "metrics.k8s.io", Version: "v1beta1"}

// overLoopback is a sample server on a socket.
func overLoopback(t testing.TB) func() (net.Listener, func() (net.Conn, error)) {
	return func() (net.Listener, func() (net.Conn, error)) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
	}
}

// TestAggregator passes requests on to a server on loopback, over TLS, as a front proxy.
func TestAggregator(t *testing.T) {
	w := newWorld(t, overLoopback(t))
	w.addService()
	w.addEndpoints()
	w.register()
	w.until("v1.shop.example.com", "Passed")
	status, _, message := w.condition("v1.shop.example.com")
	require.Equal(t, "True", status)
	require.Equal(t, "all checks passed", message)

	// The server behind learns who asks, and not how they proved it.
	answer := w.as(&apiserver.User{Name: "alice", UID: "u1", Groups: []string{auth.GroupMasters}, Extra: map[string][]string{"example.com/k": {"v"}}},
		"GET", "/apis/shop.example.com/v1/namespaces/a/orders?limit=3", "", "X-Remote-User: mallory", "X-Remote-Group: evil")
	require.Equal(t, 200, answer.Code, answer.Body)
	require.JSONEq(t, `{"path":"/apis/shop.example.com/v1/namespaces/a/orders","query":"limit=3","authorization":"",
		"user":{"Name":"alice","UID":"u1","Groups":["system:masters","system:authenticated"],"Extra":{"example.com/k":["v"]}}}`, answer.Body.String())

	// Both servers tell auditors of it under one id, which the client hears once.
	require.Len(t, answer.Header().Values("Audit-Id"), 1)
	require.Len(t, w.told, 2)
	require.EqualValues(t, answer.Header().Get("Audit-Id"), w.told[1].AuditID)
	require.Equal(t, "orders", w.told[1].ObjectRef.Resource)
	require.Nil(t, w.told[1].ResponseObject, "what was in it is for the server behind to tell")

	refused := w.as(&apiserver.User{Name: "bob"}, "GET", "/apis/shop.example.com/v1/namespaces/a/orders", "")
	require.Equal(t, 403, refused.Code, "who may not is refused here already")

	front := httptest.NewServer(auth.As(admin(), w.Server))
	defer front.Close()
	require.Equal(t, "echo hello", upgrade(t, front.Listener.Addr().String(), "/apis/shop.example.com/v1/namespaces/a/orders/socket", "hello"))
}

// TestAggregator_discovery shows the group like any other, with its OpenAPI.
func TestAggregator_discovery(t *testing.T) {
	w := newWorld(t, overLoopback(t))
	w.addService()
	w.addEndpoints()
	w.register()
	w.until("v1.shop.example.com", "Passed")

	legacy := w.ok("GET", "/apis/shop.example.com/v1", "")
	require.Equal(t, "orders", legacy["resources"].([]any)[0].(map[string]any)["name"])
	group := w.ok("GET", "/apis/shop.example.com", "")
	require.Equal(t, "shop.example.com/v1", group["preferredVersion"].(map[string]any)["groupVersion"])

	names := w.groups()
	require.Equal(t, "apiregistration.k8s.io", names[0], "what the others are registered with comes first")
	require.Equal(t, "shop.example.com", names[len(names)-1], "its priority is the least")
	require.Less(t, indexOf(names, "apps"), indexOf(names, "autoscaling"))

	index := w.ok("GET", "/openapi/v3", "")["paths"].(map[string]any)
	require.Equal(t, map[string]any{"serverRelativeURL": "/openapi/v3/apis/shop.example.com/v1?hash=ABC"}, index["apis/shop.example.com/v1"])
	require.NotContains(t, asJSON(index["apis/apps/v1"]), "/not/its/business", "a server tells of its own group alone")
	document := w.ok("GET", "/openapi/v3/apis/shop.example.com/v1?hash=ABC", "")
	require.Equal(t, "ABC", document["hash"])

	all := w.ok("GET", "/openapi/v2", "")
	paths, definitions := all["paths"].(map[string]any), all["definitions"].(map[string]any)
	require.Contains(t, paths, "/apis/shop.example.com/v1/namespaces/{namespace}/orders")
	require.NotContains(t, asJSON(paths["/apis/apps/v1/deployments"]), "not its business")
	require.NotContains(t, definitions, "com.example.shop.v1.Unused")
	metadata := "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
	require.Equal(t, "an older one", definitions[metadata+"_v2"].(map[string]any)["description"])
	require.NotEqual(t, "an older one", definitions[metadata].(map[string]any)["description"])
	require.Contains(t, asJSON(definitions["com.example.shop.v1.Order"]), metadata+"_v2")
	require.Contains(t, asJSON(definitions["com.example.shop.v1.OrderList"]), "com.example.shop.v1.Order\"")
}

// groups are the names of the groups in aggregated discovery, in order.
func (w *world) groups() []string {
	list := w.ok("GET", "/apis", "", "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	var names []string
	for _, g := range list["items"].([]any) {
		group := g.(map[string]any)
		name := group["metadata"].(map[string]any)["name"].(string)
		if group["versions"].([]any)[0].(map[string]any)["freshness"] == "Stale" {
			name += " stale"
		}
		names = append(names, name)
	}
	return names
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// TestAggregator_life follows an APIService from before its Service is there until it
// is deleted, over pipes, in virtual time.
func TestAggregator_life(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func() (net.Listener, func() (net.Conn, error)) {
			l := newPipeListener()
			return l, l.dial
		})
		const name, path = "v1.shop.example.com", "/apis/shop.example.com/v1/namespaces/a/orders"
		after := func(d time.Duration, reason, message string, code int) {
			t.Helper()
			time.Sleep(d)
			_, is, says := w.condition(name)
			require.Equal(t, reason, is)
			require.Contains(t, says, message)
			require.Equal(t, code, w.as(admin(), "GET", path, "").Code)
		}
		w.register()
		after(time.Millisecond, "ServiceNotFound", `service/api in "shop" is not present`, 503)
		require.Contains(t, w.groups(), "shop.example.com stale")
		w.addService()
		after(2*time.Second, "EndpointsNotFound", `cannot find endpointslices for service/api in "shop"`, 503)
		w.addEndpoints()
		after(2*time.Second, "Passed", "all checks passed", 200)
		require.Contains(t, w.groups(), "shop.example.com")
		w.setAlive(false)
		after(35*time.Second, "FailedDiscoveryCheck", "connection refused", 503)
		w.setAlive(true)
		after(2*time.Second, "Passed", "all checks passed", 200)

		w.ok("DELETE", "/apis/apiregistration.k8s.io/v1/apiservices/"+name, "")
		time.Sleep(2 * time.Second)
		require.Equal(t, 404, w.as(admin(), "GET", path, "").Code)
		require.NotContains(t, w.groups(), "shop.example.com")
	})
}

// TestAggregator_local keeps an APIService for each group that is served here.
func TestAggregator_local(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func() (net.Listener, func() (net.Conn, error)) { l := newPipeListener(); return l, l.dial })
		time.Sleep(2 * time.Second)
		for _, name := range []string{"v1.", "v1.apps", "v2.autoscaling", "v1beta1.metrics.k8s.io"} {
			status, reason, _ := w.condition(name)
			require.Equal(t, "True Local", status+" "+reason, name)
		}
		require.Equal(t, 404, w.as(admin(), "GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1.apiregistration.k8s.io", "").Code)

		w.ok("DELETE", "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps", "")
		time.Sleep(2 * time.Second)
		_, reason, _ := w.condition("v1.apps")
		require.Equal(t, "Local", reason, "it comes back")
	})
}

func Example() {
	storage := apiserver.NewStorage(memstore.New(), kinds.Registry(), nil)
	agg, err := aggregator.New(aggregator.Options{Storage: storage})
	if err != nil {
		panic(err)
	}
	// Give it to apiserver.Config as Remotes, and run both.
	fmt.Println(agg.Handler(schema.GroupVersion{Group: "shop.example.com", Version: "v1"}) == nil)
	// Output: true
}

// A pipeListener is a listener in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed context.Context
	close  context.CancelFunc
}

func newPipeListener() *pipeListener {
	l := &pipeListener{conns: make(chan net.Conn)}
	l.closed, l.close = context.WithCancel(context.Background())
	return l
}

func (l *pipeListener) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed.Done():
		return nil, errors.New("connection refused")
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed.Done():
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.close(); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

package aggregator_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/aggregator"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A sample is an API server of somebody else's, which serves
// shop.example.com/v1. It believes only front proxies.
type sample struct {
	trust auth.FrontProxy
}

func (s sample) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, err := s.trust.Authenticate(r)
	if err != nil || user == nil {
		http.Error(w, "who is this?", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Audit-Id", r.Header.Get("Audit-Id")) // as servers of that sort do
	answer := func(value any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
	switch r.URL.Path {
	case "/apis/shop.example.com/v1":
		answer(map[string]any{
			"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "shop.example.com/v1",
			"resources": []any{map[string]any{"name": "orders", "namespaced": true, "kind": "Order", "verbs": []string{"get", "list"}}},
		})
	case "/openapi/v3":
		answer(map[string]any{"paths": map[string]any{
			"apis/shop.example.com/v1": map[string]string{"serverRelativeURL": "/openapi/v3/apis/shop.example.com/v1?hash=ABC"},
			"apis/apps/v1":             map[string]string{"serverRelativeURL": "/not/its/business"},
		}})
	case "/openapi/v3/apis/shop.example.com/v1":
		answer(map[string]any{"openapi": "3.0.0", "hash": r.URL.Query().Get("hash")})
	case "/openapi/v2":
		answer(json.RawMessage(ordersV2))
	case "/apis/shop.example.com/v1/namespaces/a/orders/socket":
		echoUpgraded(w)
	default:
		answer(map[string]any{"path": r.URL.Path, "query": r.URL.RawQuery, "user": user, "authorization": r.Header.Get("Authorization")})
	}
}

// ordersV2 is the sample's OpenAPI v2 document. It has a meaning of its own for a name
// that the local one has too, and says something of a group that is none of its business.
const ordersV2 = `{"swagger": "2.0", "paths": {
	"/apis/shop.example.com/v1/namespaces/{namespace}/orders": {"get": {"responses": {"200": {"description": "OK",
		"schema": {"$ref": "#/definitions/com.example.shop.v1.OrderList"}}}}},
	"/apis/apps/v1/deployments": {"get": {"responses": {"200": {"description": "not its business"}}}}
}, "definitions": {
	"com.example.shop.v1.OrderList": {"type": "object", "properties": {
		"items": {"type": "array", "items": {"$ref": "#/definitions/com.example.shop.v1.Order"}}}},
	"com.example.shop.v1.Order": {"type": "object", "properties": {
		"metadata": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}}},
	"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "description": "an older one"},
	"com.example.shop.v1.Unused": {"type": "object"}
}}`

// echoUpgraded speaks another protocol: it echoes one line.
func echoUpgraded(w http.ResponseWriter) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if line, err := rw.ReadString('\n'); err == nil {
		fmt.Fprint(conn, "echo ", line)
	}
}

// A world is an API server with an aggregator, and a sample server that can be
// reached as 10.9.8.7:8443.
type world struct {
	*apiserver.Server
	t     testing.TB
	pki   *pki.PKI
	mu    sync.Mutex
	alive bool // the sample can be reached
	conns []net.Conn
	told  []*auditv1.Event // to the auditor, of orders
}

// Rule implements apiserver.Auditor.
func (w *world) Rule(a *apiserver.Attributes) apiserver.AuditRule {
	if a.Resource.Resource != "orders" {
		return apiserver.AuditRule{}
	}
	return apiserver.AuditRule{Level: auditv1.LevelRequestResponse}
}

// Record implements apiserver.Auditor.
func (w *world) Record(e *auditv1.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, e)
	return nil
}

func newWorld(t testing.TB, listen func() (net.Listener, func() (net.Conn, error))) *world {
	authority, err := pki.New()
	require.NoError(t, err)
	w := &world{t: t, pki: authority, alive: true}
	listener, connect := listen()
	cert, err := authority.ServerCert("sample", "api.shop.svc")
	require.NoError(t, err)
	server := &http.Server{
		Handler: sample{auth.FrontProxy{Roots: authority.FrontProxyRoots(), Names: []string{pki.FrontProxyUser}}},
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{*cert}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2", "http/1.1"},
		},
	}

	st := memstore.New()
	t.Cleanup(func() { st.Close() })
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	security, err := auth.New(auth.Options{Objects: storage.Objects(), SigningKey: authority.ServiceAccountKey(), Issuer: "https://x"})
	require.NoError(t, err)
	agg, err := aggregator.New(aggregator.Options{
		Storage: storage, Certificate: authority.FrontProxyCert(),
		Groups: []apiserver.Group{{GroupVersion: metricsVersion, Handler: http.NotFoundHandler()}},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if !w.alive || address != "10.9.8.7:8443" {
				return nil, fmt.Errorf("dial %s: connection refused", address)
			}
			conn, err := connect()
			if err == nil {
				w.conns = append(w.conns, conn)
			}
			return conn, err
		},
	})
	require.NoError(t, err)
	w.Server, err = apiserver.New(apiserver.Config{
		Storage: storage, Authenticators: security.Authenticators, Authorizer: security.Authorizer, Remotes: agg,
		Auditor: w,
	})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.ServeTLS(listener, "", "") })
	running.Go(func() { _ = w.Run(ctx) })
	running.Go(func() { _ = agg.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		server.Close()
		running.Wait()
	})
	<-w.Ready()
	return w
}

func (w *world) setAlive(alive bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive = alive
	if !alive {
		for _, conn := range w.conns {
			conn.Close()
		}
		w.conns = nil
	}
}

// as sends a request as a user.
func (w *world) as(user *apiserver.User, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	auth.As(user, w.Server).ServeHTTP(rec, r)
	return rec
}

func admin() *apiserver.User {
	return &apiserver.User{Name: "root", Groups: []string{auth.GroupMasters}}
}

// ok sends a request as somebody who may do anything, and returns the answer.
func (w *world) ok(method, path, body string, headers ...string) map[string]any {
	w.t.Helper()
	rec := w.as(admin(), method, path, body, headers...)
	require.Less(w.t, rec.Code, 300, "%s %s: %s", method, path, rec.Body)
	found := map[string]any{}
	require.NoError(w.t, json.Unmarshal(rec.Body.Bytes(), &found), rec.Body.String())
	return found
}

// condition returns the status, reason and message of an APIService.
func (w *world) condition(name string) (status, reason, message string) {
	w.t.Helper()
	object := w.ok("GET", "/apis/apiregistration.k8s.io/v1/apiservices/"+name, "")
	conditions, _ := object["status"].(map[string]any)["conditions"].([]any)
	if len(conditions) == 0 {
		return "", "", ""
	}
	c := conditions[0].(map[string]any)
	text := func(key string) string { s, _ := c[key].(string); return s }
	return text("status"), text("reason"), text("message")
}

// until waits for an APIService to have a condition with a reason.
func (w *world) until(name, reason string) {
	w.t.Helper()
	for range 200 {
		if _, is, _ := w.condition(name); is == reason {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	status, is, message := w.condition(name)
	w.t.Fatalf("%s is %s %s %s, want %s", name, status, is, message, reason)
}

func (w *world) register() {
	w.ok("POST", "/apis/apiregistration.k8s.io/v1/apiservices", fmt.Sprintf(`{"metadata":{"name":"v1.shop.example.com"},"spec":{
		"group":"shop.example.com","version":"v1","groupPriorityMinimum":500,"versionPriority":10,
		"service":{"namespace":"shop","name":"api"},"caBundle":%s}}`, asJSON(w.pki.CAPEM())))
}

func (w *world) addService() {
	w.ok("POST", "/api/v1/namespaces/shop/services", `{"metadata":{"name":"api"},"spec":{"clusterIP":"10.0.0.9","ports":[{"name":"https","port":443}]}}`)
}

func (w *world) addEndpoints() {
	w.ok("POST", "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", `{"metadata":{"name":"api-1","labels":{"kubernetes.io/service-name":"api"}},
		"addressType":"IPv4","endpoints":[{"addresses":["10.9.8.7"]}],"ports":[{"name":"https","port":8443}]}`)
}

func asJSON(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// upgrade talks to the path over a connection of its own and returns what came back
// for a line.
func upgrade(t testing.TB, address, path, line string) string {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", path)
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("upgrade: %s: %s", resp.Status, text)
	}
	fmt.Fprintf(conn, "%s\n", line)
	answer, err := reader.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(answer)
}

package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/webhook"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A fixture is an API server with webhooks, which run in the same process behind
// TLS over pipes: the service hooks/NAME is the handler of that name.
type fixture struct {
	*apiserver.Server
	t         *testing.T
	objects   apiserver.Objects
	hooks     *webhook.Webhooks
	trust     *pki.PKI
	listeners map[string]*pipeListener // by address
}

// run starts a server in a bubble of virtual time and lets a story happen.
func run(t *testing.T, story func(f *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		trust, err := pki.New() // in the bubble, where the year is 2000
		require.NoError(t, err)
		f := &fixture{t: t, trust: trust, listeners: map[string]*pipeListener{}}
		f.start()
		story(f)
	})
}

type everybody struct{}

func (everybody) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "ann", Groups: []string{"crew"}}, nil
}

func (everybody) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}

func (f *fixture) start() {
	st := memstore.New()
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	hooks := webhook.New(webhook.Options{Storage: storage, Authorizer: everybody{}, Dial: f.dial})
	f.hooks = hooks
	var err error
	f.Server, err = apiserver.New(apiserver.Config{
		Storage: storage, Authorizer: everybody{}, Authenticators: []apiserver.Authenticator{everybody{}},
		Hooks: []apiserver.Hook{hooks.Mutating(), hooks.Validating()},
	})
	require.NoError(f.t, err)
	f.objects = storage.Objects()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	running.Go(func() { _ = hooks.Run(ctx) })
	f.t.Cleanup(func() {
		cancel()
		running.Wait()
		st.Close()
	})
	for _, namespace := range []string{"shop", "hooks"} {
		f.store(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"name": namespace}}})
	}
}

func (f *fixture) store(obj api.Object) {
	f.t.Helper()
	kind, err := api.KindOf(obj)
	require.NoError(f.t, err)
	_, err = f.objects.Create(f.t.Context(), kinds.Registry().ForKind(kind), obj)
	require.NoError(f.t, err)
}

// serve makes the service hooks/NAME, with one endpoint at which the handler
// answers.
func (f *fixture) serve(name string, handler http.HandlerFunc) {
	f.t.Helper()
	address := fmt.Sprintf("10.0.0.%d", len(f.listeners)+1)
	meta := metav1.ObjectMeta{Name: name, Namespace: "hooks", Labels: map[string]string{discoveryv1.LabelServiceName: name}}
	f.store(&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443, Name: "https"}}}})
	f.store(&discoveryv1.EndpointSlice{
		ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}}},
		Ports:     []discoveryv1.EndpointPort{{Name: new("https"), Port: new(int32(8443))}},
	})
	f.listen(net.JoinHostPort(address, "8443"), name, handler)
}

// listen answers at an address as the service of a name.
func (f *fixture) listen(address, name string, handler http.HandlerFunc) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	f.listeners[address] = l
	config, err := f.trust.ServerTLS(name, name+".hooks.svc")
	require.NoError(f.t, err)
	server := &http.Server{Handler: handler, TLSConfig: config}
	var running sync.WaitGroup
	running.Go(func() { _ = server.ServeTLS(l, "", "") })
	f.t.Cleanup(func() {
		server.Close()
		running.Wait()
	})
}

// dial connects to a listener.
func (f *fixture) dial(ctx context.Context, _, address string) (net.Conn, error) {
	l := f.listeners[address]
	if l == nil {
		return nil, fmt.Errorf("dial tcp %s: connect: connection refused", address)
	}
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, fmt.Errorf("dial tcp %s: connect: connection refused", address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pipeListener is a net.Listener whose connections are pipes.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// answer is a webhook that is a function. It may leave the UID to this.
func answer(judge func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		review.Response = judge(review.Request)
		if review.Response.UID == "" {
			review.Response.UID = review.Request.UID
		}
		review.Request = nil
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(&review)
	}
}

func allow(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Allowed: true}
}

func deny(message string) func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	return func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		return &admissionv1.AdmissionResponse{Result: &metav1.Status{Message: message}}
	}
}

func patch(operations string) func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	return func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		return &admissionv1.AdmissionResponse{
			Allowed: true, Patch: []byte(operations), PatchType: new(admissionv1.PatchTypeJSONPatch),
		}
	}
}

// entry is a webhook of a configuration, for the creation of config maps.
func (f *fixture) entry(service string, more ...func(*admissionregistrationv1.MutatingWebhook)) admissionregistrationv1.MutatingWebhook {
	entry := admissionregistrationv1.MutatingWebhook{
		Name: service + ".example.com",
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			CABundle: f.trust.CAPEM(),
			Service:  &admissionregistrationv1.ServiceReference{Namespace: "hooks", Name: service, Path: new("/judge")},
		},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{"*"},
			Rule: admissionregistrationv1.Rule{
				APIGroups: []string{"*"}, APIVersions: []string{"*"}, Resources: []string{"configmaps"},
			},
		}},
		SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
		AdmissionReviewVersions: []string{"v1"},
	}
	for _, change := range more {
		change(&entry)
	}
	return entry
}

// mutating configures mutating webhooks, validating others, through the API.
func (f *fixture) mutating(name string, entries ...admissionregistrationv1.MutatingWebhook) {
	f.t.Helper()
	f.post("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", http.StatusCreated,
		map[string]any{"metadata": map[string]any{"name": name}, "webhooks": entries})
}

func (f *fixture) validating(name string, entries ...admissionregistrationv1.MutatingWebhook) {
	f.t.Helper()
	f.post("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", http.StatusCreated,
		map[string]any{"metadata": map[string]any{"name": name}, "webhooks": entries})
}

func (f *fixture) post(path string, code int, body any) map[string]any {
	f.t.Helper()
	data, err := json.Marshal(body)
	require.NoError(f.t, err)
	return f.send(http.MethodPost, path, code, string(data))
}

// send sends a request, checks its code, and waits until all have seen what it
// changed.
func (f *fixture) send(method, path string, code int, body string) map[string]any {
	f.t.Helper()
	w := f.sent(method, path, body)
	require.Equal(f.t, code, w.Code, "%s", w.Body)
	synctest.Wait()
	var fields map[string]any
	require.NoError(f.t, json.Unmarshal(w.Body.Bytes(), &fields))
	return fields
}

func (f *fixture) sent(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, strings.NewReader(body))
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

const maps = "/api/v1/namespaces/shop/configmaps"

// create creates a config map.
func (f *fixture) create(name string, code int) map[string]any {
	f.t.Helper()
	return f.send(http.MethodPost, maps, code, `{"metadata":{"name":"`+name+`"},"data":{"a":"1"}}`)
}

func (f *fixture) stored(name string) *corev1.ConfigMap {
	f.t.Helper()
	found, err := typed.Get[*corev1.ConfigMap](f.t.Context(), f.objects, "shop", name)
	require.NoError(f.t, err)
	return found
}

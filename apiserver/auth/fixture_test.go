package auth_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A cluster is a real API server with this package's parts in it.
type cluster struct {
	t       *testing.T
	pki     *pki.PKI
	auth    *auth.Auth
	objects apiserver.Objects
	server  *apiserver.Server
}

func newCluster(t *testing.T, objs ...api.Object) *cluster {
	t.Helper()
	keys, err := pki.New()
	require.NoError(t, err)
	st := memstore.New()
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	a, err := auth.New(auth.Options{
		Objects: storage.Objects(), SigningKey: keys.ServiceAccountKey(), ClientCAs: keys.Roots(),
	})
	require.NoError(t, err)
	server, err := apiserver.New(apiserver.Config{
		Storage: storage, Authenticators: a.Authenticators, Authorizer: a.Authorizer,
		Hooks: a.Hooks(), Connectors: a.Connectors(),
		Paths: map[string]http.Handler{
			auth.DiscoveryPath: a.Tokens.Discovery(""), auth.KeysPath: a.Tokens.Keys(),
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, st.Close())
	})
	c := &cluster{t: t, pki: keys, auth: a, objects: storage.Objects(), server: server}
	require.NoError(t, auth.Bootstrap(t.Context(), c.objects))
	for _, obj := range objs {
		c.add(obj)
	}
	return c
}

// add stores an object past all checks and returns it with its uid.
func (c *cluster) add(obj api.Object) api.Object {
	c.t.Helper()
	gvk, err := api.KindOf(obj)
	require.NoError(c.t, err)
	stored, err := c.objects.Create(c.t.Context(), kinds.Registry().ForKind(gvk), obj)
	require.NoError(c.t, err)
	return stored
}

// An identity is how a request shows who sent it.
type identity func(r *http.Request) *http.Request

// as is the process itself, as a user.
func as(name string, groups ...string) identity {
	return func(r *http.Request) *http.Request {
		return r.WithContext(auth.WithUser(r.Context(), &apiserver.User{Name: name, Groups: groups}))
	}
}

// bearer shows a token.
func bearer(token string) identity { return header("Authorization", "Bearer "+token) }

// header sends a header and nothing else.
func header(pairs ...string) identity {
	return func(r *http.Request) *http.Request {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Add(pairs[i], pairs[i+1])
		}
		return r
	}
}

// showing is a TLS connection with a client certificate.
func showing(chain ...*x509.Certificate) identity {
	return func(r *http.Request) *http.Request {
		r.TLS = &tls.ConnectionState{PeerCertificates: chain}
		return r
	}
}

func nobody(r *http.Request) *http.Request { return r }

func both(a, b identity) identity {
	return func(r *http.Request) *http.Request { return a(b(r)) }
}

var admin = as("root", auth.GroupMasters)

// An answer is a status code and the JSON of a response.
type answer struct {
	code int
	body map[string]any
}

// text returns a string below the keys.
func (a answer) text(keys ...string) string {
	var at any = a.body
	for _, key := range keys {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	s, _ := at.(string)
	return s
}

func (c *cluster) call(who identity, method, path, body string) answer {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", map[bool]string{false: "application/json", true: "application/merge-patch+json"}[method == "PATCH"])
	}
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, who(r))
	a := answer{code: w.Code}
	_ = json.Unmarshal(w.Body.Bytes(), &a.body) // some answers are plain text
	return a
}

// whoami returns the answer to a SelfSubjectReview.
func (c *cluster) whoami(who identity) answer {
	c.t.Helper()
	return c.call(who, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
		`{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`)
}

// token requests a token for an account in namespace shop.
func (c *cluster) token(account, spec string) string {
	c.t.Helper()
	got := c.call(admin, "POST", "/api/v1/namespaces/shop/serviceaccounts/"+account+"/token", `{"spec":`+spec+`}`)
	require.Equal(c.t, 201, got.code, got.body)
	return got.text("status", "token")
}

func serviceAccount(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
}

func pod(name, node, account string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: corev1.PodSpec{
			NodeName: node, ServiceAccountName: account,
			Containers: []corev1.Container{{Name: "app", Image: "app"}},
		},
	}
}

func (c *cluster) deletePod(name string) {
	c.t.Helper()
	require.NoError(c.t, typed.Delete[*corev1.Pod](c.t.Context(), c.objects, "shop", name))
}

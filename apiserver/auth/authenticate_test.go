package auth_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/pki"
)

func TestAnonymous(t *testing.T) {
	c := newCluster(t)
	for path, want := range map[string]int{
		"/version":           200,
		"/healthz":           200,
		"/readyz":            200,
		"/api":               403,
		"/metrics":           403,
		"/api/v1/namespaces": 403,
		"/api/v1/secrets":    403,
		"/api/v1/namespaces/kube-system/secrets/x":                        403,
		"/apis/rbac.authorization.k8s.io/v1/clusterroles":                 403,
		"/api/v1/namespaces/shop/pods/x/log":                              403,
		"/api/v1/nodes/n/proxy/":                                          403,
		"/openid/v1/jwks":                                                 403,
		"/healthz/../api/v1/secrets":                                      403,
		"/version/../api/v1/secrets":                                      403,
		"//api/v1/secrets":                                                403,
		"/api/v1/watch/secrets":                                           403,
		"/api/v1/namespaces?fieldSelector=metadata.name%3Ddefault":        403,
		"/api/v1/namespaces/shop/secrets?watch=true&allowWatchBookmarks=": 403,
	} {
		require.Equal(t, want, c.call(nobody, "GET", path, "").code, "GET %s", path)
	}
	require.Equal(t, 403, c.whoami(nobody).code, "strangers may not even ask who they are")
	require.Equal(t, 403, c.call(nobody, "POST", "/api/v1/namespaces", `{"metadata":{"name":"x"}}`).code)
	require.Equal(t, 403, c.call(nobody, "DELETE", "/api/v1/namespaces/default", "").code)
}

// TestHeaders: nothing that a client sends says who it is, other than a token.
func TestHeaders_sayNothing(t *testing.T) {
	c := newCluster(t)
	for name, who := range map[string]identity{
		"front proxy headers":       header("X-Remote-User", "root", "X-Remote-Group", auth.GroupMasters),
		"forwarded user":            header("X-Forwarded-User", "root", "X-Forwarded-Groups", auth.GroupMasters),
		"a context key as a header": header("User", "root", "userKey", "root"),
		"impersonating as nobody":   header("Impersonate-User", "root", "Impersonate-Group", auth.GroupMasters),
		"odd capitals":              header("iMpErSoNaTe-UsEr", "root"),
	} {
		require.Equal(t, 403, c.call(who, "GET", "/api/v1/secrets", "").code, name)
	}
	for name, who := range map[string]identity{
		"basic":               header("Authorization", "Basic cm9vdDpyb290"),
		"an opaque token":     bearer("sesame"),
		"an empty token":      header("Authorization", "Bearer "),
		"two headers":         header("Authorization", "Bearer a", "Authorization", "Bearer b"),
		"a scheme of its own": header("Authorization", "Negotiate abc"),
	} {
		require.Equal(t, 401, c.call(who, "GET", "/version", "").code,
			"%s: bad credentials must not turn into anonymous access", name)
	}
}

func TestImpersonation(t *testing.T) {
	c := newCluster(t)
	list := func(who identity) int { return c.call(who, "GET", "/api/v1/secrets", "").code }

	asRoot := header("Impersonate-User", "root", "Impersonate-Group", auth.GroupMasters)
	require.Equal(t, 403, list(both(as("mallory"), asRoot)), "needs permission")
	require.Equal(t, 200, list(both(admin, asRoot)))
	require.Equal(t, 403, list(both(admin, header("Impersonate-User", "alice"))), "one gives up what one had")
	require.Equal(t, 400, list(both(admin, header("Impersonate-Group", auth.GroupMasters))), "groups without a user")

	me := c.whoami(both(admin, header("Impersonate-User", "system:serviceaccount:shop:web")))
	require.Equal(t, "system:serviceaccount:shop:web", me.text("status", "userInfo", "username"))
	info := me.body["status"].(map[string]any)["userInfo"].(map[string]any)
	require.ElementsMatch(t, []any{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}, info["groups"])
}

func TestX509(t *testing.T) {
	c := newCluster(t)
	cert := func(p *pki.PKI, user string, groups ...string) *x509.Certificate {
		signed, err := p.ClientCert(user, groups...)
		require.NoError(t, err)
		return signed.Leaf
	}
	me := c.whoami(showing(cert(c.pki, "alice", "dev")))
	require.Equal(t, 201, me.code)
	require.Equal(t, "alice", me.text("status", "userInfo", "username"))
	require.Contains(t, me.body["status"].(map[string]any)["userInfo"].(map[string]any)["groups"], "dev")
	require.Equal(t, 200, c.call(showing(cert(c.pki, "root", auth.GroupMasters)), "GET", "/api/v1/secrets", "").code)

	stranger, err := pki.New()
	require.NoError(t, err)
	serverCert, err := c.pki.ServerCert("api", "root")
	require.NoError(t, err)
	for name, who := range map[string]identity{
		"another authority":                     showing(cert(stranger, "root", auth.GroupMasters)),
		"another authority, ours as a decoy":    showing(cert(stranger, "root", auth.GroupMasters), cert(c.pki, "alice")),
		"a server's certificate":                showing(serverCert.Leaf),
		"a bad certificate beside a good token": both(showing(cert(stranger, "root")), bearer("x")),
	} {
		require.Equal(t, 401, c.call(who, "GET", "/version", "").code, name)
	}
}

func TestX509_expired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := pki.New()
		require.NoError(t, err)
		signed, err := p.ClientCert("alice")
		require.NoError(t, err)
		r := showing(signed.Leaf)(httptest.NewRequest("GET", "/", nil))
		byCert := &auth.X509{Roots: p.Roots()}
		for range 2 { // the second time it is remembered
			user, err := byCert.Authenticate(r)
			require.NoError(t, err)
			require.Equal(t, "alice", user.Name)
		}
		time.Sleep(366 * 24 * time.Hour)
		user, err := byCert.Authenticate(r)
		require.ErrorContains(t, err, "expired")
		require.Nil(t, user)
	})
}

func TestAs(t *testing.T) {
	var seen *apiserver.User
	inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen, _ = auth.InProcess{}.Authenticate(r)
	})
	request := func(h http.Handler) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	groups := []string{"a"}
	request(auth.As(&apiserver.User{Name: "kubelet", Groups: groups}, inner))
	require.Equal(t, "kubelet", seen.Name)
	require.Equal(t, []string{"a", auth.GroupAuthenticated}, seen.Groups)
	require.Equal(t, []string{"a"}, groups)
	request(inner)
	require.Nil(t, seen, "without As the authenticator has no opinion")
}

package auth_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// TestImpersonation_rights: what one must be bound to for which impersonation, and
// what is said to those who are not.
func TestImpersonation_rights(t *testing.T) {
	rule := func(verb, group, resource string, names ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names}
	}
	const authn = "authentication.k8s.io"
	for name, test := range map[string]struct {
		rules []rbacv1.PolicyRule
		as    []string // headers
		code  int
		text  string
	}{
		"nothing": {nil, []string{"Impersonate-User", "bob"}, 403,
			`selfsubjectreviews.authentication.k8s.io is forbidden: User "alice" cannot impersonate-on:user-info:create resource "selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope`},
		"nothing, and an account": {nil, []string{"Impersonate-User", "system:serviceaccount:shop:web"}, 403, "cannot impersonate-on:serviceaccount:create resource"},
		"nothing, and a node":     {nil, []string{"Impersonate-User", "system:node:n1"}, 403, "cannot impersonate-on:arbitrary-node:create resource"},
		"the old right":           {[]rbacv1.PolicyRule{rule("impersonate", "", "users", "bob")}, []string{"Impersonate-User", "bob"}, 201, ""},
		"the old right, for another": {[]rbacv1.PolicyRule{rule("impersonate", "", "users", "bob")}, []string{"Impersonate-User", "carol"}, 403,
			"impersonate-on:user-info"},
		"the old right, and a group": {[]rbacv1.PolicyRule{rule("impersonate", "", "users", "bob")}, []string{"Impersonate-User", "bob", "Impersonate-Group", "ops"}, 403, ""},
		"half of the narrow right":   {[]rbacv1.PolicyRule{rule("impersonate:user-info", authn, "users", "bob")}, []string{"Impersonate-User", "bob"}, 403, "impersonate-on"},
		"the other half": {[]rbacv1.PolicyRule{rule("impersonate-on:user-info:create", authn, "selfsubjectreviews")}, []string{"Impersonate-User", "bob"}, 403,
			`users.authentication.k8s.io "bob" is forbidden: User "alice" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope`},
		"the narrow right": {[]rbacv1.PolicyRule{
			rule("impersonate:user-info", authn, "users", "bob"), rule("impersonate-on:user-info:create", authn, "selfsubjectreviews"),
		}, []string{"Impersonate-User", "bob"}, 201, ""},
		"the narrow right makes no masters": {[]rbacv1.PolicyRule{
			rule("impersonate:user-info", authn, "users", "bob"), rule("impersonate:user-info", authn, "groups"),
			rule("impersonate-on:user-info:create", authn, "selfsubjectreviews"),
		}, []string{"Impersonate-User", "bob", "Impersonate-Group", "system:masters"}, 403, "impersonating the system:masters group is not allowed"},
		"a node": {[]rbacv1.PolicyRule{
			rule("impersonate:arbitrary-node", authn, "nodes", "n1"), rule("impersonate-on:arbitrary-node:create", authn, "selfsubjectreviews"),
		}, []string{"Impersonate-User", "system:node:n1"}, 201, ""},
		"no user": {nil, []string{"Impersonate-Uid", "7"}, 400,
			`requested &user.DefaultInfo{Name:"", UID:"7", Groups:[]string(nil), Extra:map[string][]string(nil)} without impersonating a user name`},
	} {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "acting"}, Rules: test.rules}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "acting"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "acting"},
			Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "alice"}},
		}
		c := newCluster(t, role, binding)
		got := c.whoami(both(as("alice"), header(test.as...)))
		require.Equal(t, test.code, got.code, "%s: %v", name, got.body)
		require.Contains(t, got.text("message"), test.text, name)
		if test.code == 201 {
			require.Equal(t, test.as[1], got.text("status", "userInfo", "username"), name)
		}
	}
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

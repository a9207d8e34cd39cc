package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

func TestTokenRequest(t *testing.T) {
	c := newCluster(t, serviceAccount("web"), serviceAccount("other"))
	node := c.add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}})
	web := c.add(pod("web-0", "node-1", "web"))

	me := c.whoami(bearer(c.token("web", `{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"web-0"}}`)))
	require.Equal(t, 201, me.code)
	info := me.body["status"].(map[string]any)["userInfo"].(map[string]any)
	require.Equal(t, "system:serviceaccount:shop:web", info["username"])
	require.Equal(t, []any{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}, info["groups"])
	extra := info["extra"].(map[string]any)
	require.Equal(t, []any{"web-0"}, extra["authentication.kubernetes.io/pod-name"])
	require.Equal(t, []any{string(web.GetUID())}, extra["authentication.kubernetes.io/pod-uid"])
	require.Equal(t, []any{"node-1"}, extra["authentication.kubernetes.io/node-name"])
	require.Equal(t, []any{string(node.GetUID())}, extra["authentication.kubernetes.io/node-uid"])
	require.Regexp(t, "^JTI=[0-9a-f-]{36}$", extra["authentication.kubernetes.io/credential-id"].([]any)[0])

	for name, test := range map[string]struct {
		account, spec string
		code          int
		message       string
	}{
		"too short":              {"web", `{"expirationSeconds":10}`, 422, "may not specify a duration less than 10 minutes"},
		"too long":               {"web", `{"expirationSeconds":99999999999}`, 422, "may not specify a duration larger than 2^32 seconds"},
		"no such account":        {"nobody", `{}`, 404, `serviceaccounts "nobody" not found`},
		"no such pod":            {"web", `{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"x"}}`, 404, `pods "x" not found`},
		"another account's pod":  {"other", `{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"web-0"}}`, 400, "different serviceaccount name"},
		"another pod's uid":      {"web", `{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"web-0","uid":"x"}}`, 409, "does not match the UID in record"},
		"an object of no use":    {"web", `{"boundObjectRef":{"apiVersion":"v1","kind":"ConfigMap","name":"x"}}`, 400, "cannot bind token"},
		"a body that is no JSON": {"web", `{`, 400, ""},
	} {
		got := c.call(admin, "POST", "/api/v1/namespaces/shop/serviceaccounts/"+test.account+"/token", `{"spec":`+test.spec+`}`)
		require.Equal(t, test.code, got.code, name)
		require.Contains(t, got.text("message"), test.message, name)
	}
}

// TestToken_bindings: a token ends with what it is bound to.
func TestToken_bindings(t *testing.T) {
	c := newCluster(t, serviceAccount("web"), pod("web-0", "", "web"),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "s"}})
	ctx := t.Context()
	free := c.token("web", `{}`)
	ofPod := c.token("web", `{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"web-0"}}`)
	ofSecret := c.token("web", `{"boundObjectRef":{"apiVersion":"v1","kind":"Secret","name":"s"}}`)
	valid := func() (got [3]bool) {
		for i, token := range []string{free, ofPod, ofSecret} {
			got[i] = c.whoami(bearer(token)).code == 201
		}
		return got
	}
	require.Equal(t, [3]bool{true, true, true}, valid())
	c.deletePod("web-0")
	require.Equal(t, [3]bool{true, false, true}, valid())
	c.add(pod("web-0", "", "web"))
	require.Equal(t, [3]bool{true, false, true}, valid(), "another pod of the same name is not the same")
	require.NoError(t, typed.Delete[*corev1.Secret](ctx, c.objects, "shop", "s"))
	require.Equal(t, [3]bool{true, false, false}, valid())
	require.NoError(t, typed.Delete[*corev1.ServiceAccount](ctx, c.objects, "shop", "web"))
	c.add(serviceAccount("web"))
	require.Equal(t, [3]bool{false, false, false}, valid())
}

// TestToken_forged: every way we know to make a token without the key.
func TestToken_forged(t *testing.T) {
	c := newCluster(t, serviceAccount("web"), serviceAccount("boss"))
	good := c.token("web", `{}`)
	parts := strings.Split(good, ".")
	decode := func(part string) map[string]any {
		data, err := base64.RawURLEncoding.DecodeString(part)
		require.NoError(t, err)
		var m map[string]any
		require.NoError(t, json.Unmarshal(data, &m))
		return m
	}
	encode := func(m map[string]any) string {
		data, err := json.Marshal(m)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(data)
	}
	with := func(m map[string]any, pairs ...any) map[string]any {
		m = maps.Clone(m)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	head, claims := decode(parts[0]), decode(parts[1])
	sign := func(alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", head["kid"]))
		require.NoError(t, err)
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		require.NoError(t, err)
		return token
	}
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ours := c.pki.ServiceAccountKey()
	publicDER, err := x509.MarshalPKIXPublicKey(&ours.PublicKey)
	require.NoError(t, err)
	boss := with(claims, "sub", "system:serviceaccount:shop:boss")
	now := time.Now().Unix()

	require.Equal(t, 201, c.whoami(bearer(good)).code)
	require.Equal(t, 201, c.whoami(bearer(sign(jose.ES256, ours, claims))).code, "this test can sign")
	for name, token := range map[string]string{
		"alg none":                       encode(with(head, "alg", "none")) + "." + parts[1] + ".",
		"alg None":                       encode(with(head, "alg", "None")) + "." + parts[1] + "." + parts[2],
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"two parts":                      parts[0] + "." + parts[1],
		"other claims":                   parts[0] + "." + encode(boss) + "." + parts[2],
		"another key":                    sign(jose.ES256, otherKey, claims),
		"HMAC with the public key":       sign(jose.HS256, publicDER, claims),
		"another issuer":                 sign(jose.ES256, ours, with(claims, "iss", "https://evil")),
		"another audience":               sign(jose.ES256, ours, with(claims, "aud", []string{"vault"})),
		"no audience":                    sign(jose.ES256, ours, with(claims, "aud", []string{})),
		"expired":                        sign(jose.ES256, ours, with(claims, "exp", now-1)),
		"no expiry":                      sign(jose.ES256, ours, with(claims, "exp", nil)),
		"not yet valid":                  sign(jose.ES256, ours, with(claims, "nbf", now+3600)),
		"subject of another account":     sign(jose.ES256, ours, boss),
		"subject that is no account":     sign(jose.ES256, ours, with(claims, "sub", "system:admin")),
		"no Kubernetes claims":           sign(jose.ES256, ours, with(claims, "kubernetes.io", map[string]any{})),
		"account of another uid":         sign(jose.ES256, ours, with(claims, "kubernetes.io", map[string]any{"namespace": "shop", "serviceaccount": map[string]any{"name": "web", "uid": "x"}})),
		"account without a uid":          sign(jose.ES256, ours, with(claims, "kubernetes.io", map[string]any{"namespace": "shop", "serviceaccount": map[string]any{"name": "web"}})),
		"a key of its own in the header": encode(with(head, "jwk", map[string]any{"kty": "EC"})) + "." + parts[1] + "." + parts[2],
		"garbage":                        "a.b.c",
	} {
		require.Equal(t, 401, c.call(bearer(token), "GET", "/version", "").code, name)
	}
}

func TestToken_expires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, serviceAccount("web"))
		token := c.token("web", `{"expirationSeconds":600}`)
		time.Sleep(599 * time.Second)
		require.Equal(t, 201, c.whoami(bearer(token)).code)
		time.Sleep(time.Second)
		require.Equal(t, 401, c.whoami(bearer(token)).code)
	})
}

func TestTokenReview(t *testing.T) {
	c := newCluster(t, serviceAccount("web"))
	review := func(token, audiences string) map[string]any {
		got := c.call(admin, "POST", "/apis/authentication.k8s.io/v1/tokenreviews",
			fmt.Sprintf(`{"spec":{"token":%q,"audiences":%s}}`, token, audiences))
		require.Equal(t, 201, got.code)
		status, _ := got.body["status"].(map[string]any)
		return status
	}
	vault := c.token("web", `{"audiences":["vault","db"]}`)
	require.Equal(t, 401, c.whoami(bearer(vault)).code, "a token for others is none for us")
	status := review(vault, `["x","db"]`)
	require.Equal(t, true, status["authenticated"])
	require.Equal(t, []any{"db"}, status["audiences"])
	require.Equal(t, "system:serviceaccount:shop:web", status["user"].(map[string]any)["username"])
	status = review(vault, `null`)
	require.Nil(t, status["authenticated"])
	require.Contains(t, status["error"], "invalid for the target audiences")
	require.NotEmpty(t, review("x", `null`)["error"])
	require.Equal(t, 400, c.call(admin, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", `{"spec":{}}`).code)
	require.Equal(t, 403, c.call(as("alice"), "POST", "/apis/authentication.k8s.io/v1/tokenreviews", `{"spec":{"token":"x"}}`).code)
}

// TestDiscovery: others can check our tokens with the documents alone.
func TestDiscovery(t *testing.T) {
	c := newCluster(t, serviceAccount("web"))
	who := bearer(c.token("web", `{}`))
	config := c.call(who, "GET", auth.DiscoveryPath, "")
	require.Equal(t, 200, config.code)
	require.Equal(t, auth.DefaultIssuer, config.text("issuer"))
	require.Equal(t, auth.DefaultIssuer+auth.KeysPath, config.text("jwks_uri"))

	keys := c.call(who, "GET", auth.KeysPath, "")
	data, err := json.Marshal(keys.body)
	require.NoError(t, err)
	var set jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal(data, &set))
	token, err := jwt.ParseSigned(c.token("web", `{}`), []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(t, err)
	found := set.Key(token.Headers[0].KeyID)
	require.Len(t, found, 1)
	require.True(t, found[0].IsPublic(), "the private key stays here")
	var claims jwt.Claims
	require.NoError(t, token.Claims(found[0].Key, &claims))
	require.Equal(t, auth.DefaultIssuer, claims.Issuer)
}

package auth_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver/auth"
)

// bootstrapSecret is that of the token abcdef.0123456789abcdef, with changes.
func bootstrapSecret(change map[string]string) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "bootstrap-token-abcdef"},
		Type:       "bootstrap.kubernetes.io/token",
		Data:       map[string][]byte{},
	}
	data := map[string]string{
		"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
	}
	maps.Copy(data, change)
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func TestBootstrapTokens(t *testing.T) {
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	const good = "abcdef.0123456789abcdef"
	for name, test := range map[string]struct {
		token  string
		change map[string]string
		groups []any // nil: refused
	}{
		"the token":                     {good, nil, []any{"system:bootstrappers", "system:authenticated"}},
		"until tomorrow":                {good, map[string]string{"expiration": in(time.Hour)}, []any{"system:bootstrappers", "system:authenticated"}},
		"in more groups":                {good, map[string]string{"auth-extra-groups": "system:bootstrappers:zoo, system:bootstrappers:lab"}, []any{"system:bootstrappers", "system:bootstrappers:lab", "system:bootstrappers:zoo", "system:authenticated"}},
		"expired":                       {good, map[string]string{"expiration": in(-time.Second)}, nil},
		"an expiration that is no time": {good, map[string]string{"expiration": "soon"}, nil},
		"a master's group":              {good, map[string]string{"auth-extra-groups": "system:masters"}, nil},
		"a group on the next line":      {good, map[string]string{"auth-extra-groups": "system:bootstrappers:a\nsystem:masters"}, nil},
		"not for authentication":        {good, map[string]string{"usage-bootstrap-authentication": "yes"}, nil},
		"another secret":                {"abcdef.0123456789abcdee", nil, nil},
		"no secret in the store":        {good, map[string]string{"token-secret": ""}, nil},
		"another id":                    {"fedcba.0123456789abcdef", nil, nil},
		"another id in the secret":      {good, map[string]string{"token-id": "fedcba"}, nil},
		"capitals":                      {"ABCDEF.0123456789abcdef", nil, nil},
		"more after it":                 {good + ".x", nil, nil},
		"a path":                        {"../abc.0123456789abcdef", nil, nil},
	} {
		c := newCluster(t, bootstrapSecret(test.change))
		got := c.whoami(bearer(test.token))
		if test.groups == nil {
			require.Equal(t, 401, got.code, "%s: %v", name, got.body)
			continue
		}
		require.Equal(t, 201, got.code, "%s: %v", name, got.body)
		user := got.body["status"].(map[string]any)["userInfo"].(map[string]any)
		require.Equal(t, "system:bootstrap:abcdef", user["username"], name)
		require.Equal(t, test.groups, user["groups"], name)
	}
}

func TestBootstrapTokens_otherSecrets(t *testing.T) {
	opaque := bootstrapSecret(nil)
	opaque.Type = corev1.SecretTypeOpaque
	elsewhere := bootstrapSecret(nil)
	elsewhere.Namespace = "shop"
	c := newCluster(t, opaque, elsewhere)
	require.Equal(t, 401, c.whoami(bearer("abcdef.0123456789abcdef")).code, "who may write secrets in a namespace is no bootstrapper")
}

func TestTokenReview_bootstrapToken(t *testing.T) {
	c := newCluster(t, bootstrapSecret(nil))
	review := func(audiences string) answer {
		return c.call(admin, "POST", "/apis/authentication.k8s.io/v1/tokenreviews",
			`{"spec":{"token":"abcdef.0123456789abcdef","audiences":`+audiences+`}}`)
	}
	require.Equal(t, "system:bootstrap:abcdef", review("[]").text("status", "user", "username"))
	require.Equal(t, "system:bootstrap:abcdef", review(`["`+auth.DefaultIssuer+`","x"]`).text("status", "user", "username"))
	got := review(`["vault"]`)
	require.Empty(t, got.text("status", "user", "username"))
	require.NotEmpty(t, got.text("status", "error"))
}

package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/controller/serviceaccount"
)

// TestToken_ofASecret is good as long as the secret exists, and that as long as its
// account does.
func TestToken_ofASecret(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := clustertest.New(t)
		secrets, accounts := clustertest.For[*corev1.Secret](c), clustertest.For[*corev1.ServiceAccount](c)
		secret := func(name string) string {
			return `{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token,
			  metadata: {name: ` + name + `, annotations: {kubernetes.io/service-account.name: robot}}}`
		}
		gone := func(name string) func() bool {
			return func() bool {
				_, err := secrets.Get(t.Context(), "default", name)
				return apierrors.IsNotFound(err)
			}
		}
		token := func(name string) (found string) {
			c.WaitFor("a token in secret "+name, func() bool {
				s, err := secrets.Get(t.Context(), "default", name)
				require.NoError(t, err)
				found = string(s.Data["token"])
				return found != ""
			})
			return found
		}
		review := func(token string) authenticationv1.TokenReviewStatus {
			var r authenticationv1.TokenReview
			require.NoError(t, c.Client().Do(t.Context(), "POST", "/apis/authentication.k8s.io/v1/tokenreviews", nil,
				[]byte(`{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"`+token+`"}}`), &r))
			return r.Status
		}

		c.Apply(secret("early"))
		c.WaitFor("the secret of nobody to go", gone("early"))

		c.Apply(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}`)
		c.Apply(secret("one"))
		c.Apply(secret("two"))
		first, second := token("one"), token("two")
		require.NotEqual(t, first, second)
		who := review(first)
		require.True(t, who.Authenticated, who.Error)
		require.Equal(t, "system:serviceaccount:default:robot", who.User.Username)
		filled, err := secrets.Get(t.Context(), "default", "one")
		require.NoError(t, err)
		published, err := clustertest.For[*corev1.ConfigMap](c).Get(t.Context(), "default", serviceaccount.RootCA)
		require.NoError(t, err)
		require.Equal(t, published.Data[serviceaccount.RootCAKey], string(filled.Data["ca.crt"]))
		require.Equal(t, "default", string(filled.Data["namespace"]))

		_, err = secrets.Modify(t.Context(), "default", "one", func(s *corev1.Secret) error {
			delete(s.Data, "token")
			return nil
		})
		require.NoError(t, err)
		require.True(t, review(token("one")).Authenticated, "it is put back")

		require.NoError(t, secrets.Delete(t.Context(), "default", "one"))
		require.False(t, review(first).Authenticated)
		require.True(t, review(second).Authenticated)

		require.NoError(t, accounts.Delete(t.Context(), "default", "robot"))
		require.False(t, review(second).Authenticated)
		c.WaitFor("the secret of the deleted account to go", gone("two"))
	})
}

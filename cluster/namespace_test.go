package cluster_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

func TestNamespace_goesWithAllThatIsInIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithImage("web:v1", app("v1")))
		ctx := t.Context()
		namespaces := clustertest.For[*corev1.Namespace](c)
		c.Apply(`{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`)
		c.WaitFor("its ServiceAccount", func() bool {
			_, err := clustertest.For[*corev1.ServiceAccount](c).Get(ctx, "shop", "default")
			return err == nil
		})
		c.Apply(strings.ReplaceAll(web("web:v1", 2), "metadata: {name: web}", "metadata: {name: web, namespace: shop}"))
		c.Apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}, data: {a: b}}`)
		c.WaitFor("running pods", func() bool {
			pods := clustertest.List[*corev1.Pod](c, "shop", "")
			return len(pods) == 2 && pods[0].Status.Phase == corev1.PodRunning && pods[1].Status.Phase == corev1.PodRunning
		})

		require.NoError(t, namespaces.Delete(ctx, "", "shop"))
		_, err := clustertest.For[*corev1.ConfigMap](c).Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "late"},
		})
		require.True(t, apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), "%v", err)
		c.WaitFor("the namespace to be gone", func() bool {
			_, err := namespaces.Get(ctx, "", "shop")
			return apierrors.IsNotFound(err)
		})
		kinds, err := c.Client().Discover(ctx)
		require.NoError(t, err)
		for _, kind := range kinds {
			if kind.Namespaced && client.Supports(kind, "list") {
				left, err := client.Metadata(c.Client(), kind).List(ctx, "shop", client.ListOptions{})
				require.NoError(t, err, kind.Plural)
				require.Empty(t, left.Items, kind.Plural)
			}
		}
	})
}

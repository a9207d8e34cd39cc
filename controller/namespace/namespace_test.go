package namespace_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/namespace"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func start(t *testing.T) *client.Client {
	c := apitest.Start(t).Client(t)
	informers := client.NewInformers(c)
	ctl := namespace.New(c, informers, controller.Options{})
	apitest.Run(t, informers.Run)
	apitest.Run(t, ctl.Run)
	return c
}

func TestNamespace_GoesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		namespaces, pods, configMaps := client.For[*corev1.Namespace](c), client.For[*corev1.Pod](c), client.For[*corev1.ConfigMap](c)
		_, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
		require.NoError(t, err)
		held := metav1.ObjectMeta{Namespace: "shop", Name: "held", Finalizers: []string{"example.com/hold"}}
		_, err = pods.Create(t.Context(), &corev1.Pod{
			ObjectMeta: held, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
		})
		require.NoError(t, err)
		_, err = configMaps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: held})
		require.NoError(t, err)

		require.NoError(t, namespaces.Delete(t.Context(), "", "shop"))
		settle(time.Minute)
		ns, err := namespaces.Get(t.Context(), "", "shop")
		require.NoError(t, err)
		require.Equal(t, corev1.NamespaceTerminating, ns.Status.Phase)
		require.Contains(t, trouble(ns)[corev1.NamespaceDeletionContentFailure], "pods")
		require.Contains(t, trouble(ns)[corev1.NamespaceFinalizersRemaining], "example.com/hold in 1 resource instances")
		cm, err := configMaps.Get(t.Context(), "shop", "held")
		require.NoError(t, err)
		require.Nil(t, cm.DeletionTimestamp, "the rest waits for the pods")

		_, err = pods.Modify(t.Context(), "shop", "held", func(p *corev1.Pod) error { p.Finalizers = nil; return nil })
		require.NoError(t, err)
		settle(time.Minute)
		cm, err = configMaps.Get(t.Context(), "shop", "held")
		require.NoError(t, err)
		require.NotNil(t, cm.DeletionTimestamp)
		ns, err = namespaces.Get(t.Context(), "", "shop")
		require.NoError(t, err)
		require.Contains(t, trouble(ns)[corev1.NamespaceContentRemaining], "configmaps has 1")
		require.NotContains(t, trouble(ns), corev1.NamespaceDeletionContentFailure)

		_, err = configMaps.Modify(t.Context(), "shop", "held", func(cm *corev1.ConfigMap) error { cm.Finalizers = nil; return nil })
		require.NoError(t, err)
		settle(time.Minute)
		_, err = namespaces.Get(t.Context(), "", "shop")
		require.True(t, apierrors.IsNotFound(err), "%v", err)
	})
}

// trouble returns the conditions that are true.
func trouble(ns *corev1.Namespace) map[corev1.NamespaceConditionType]string {
	found := map[corev1.NamespaceConditionType]string{}
	for _, c := range ns.Status.Conditions {
		if c.Status == corev1.ConditionTrue {
			found[c.Type] = c.Message
		}
	}
	return found
}

func Example() {
	c, err := client.New(client.Config{BaseURL: "https://127.0.0.1:6443"})
	if err != nil {
		fmt.Println(err)
		return
	}
	informers := client.NewInformers(c)
	ctl := namespace.New(c, informers, controller.Options{})
	fmt.Println(ctl.Name(), "runs beside its informers: informers.Run(ctx), ctl.Run(ctx)")
	// Output: namespace runs beside its informers: informers.Run(ctx), ctl.Run(ctx)
}

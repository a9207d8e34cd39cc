package resourcequota_test

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/quota"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/resourcequota"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// A world is a server with the controller and one quota.
type world struct {
	*testing.T
	pods       *client.Kind[*corev1.Pod]
	configMaps *client.Kind[*corev1.ConfigMap]
	quotas     *client.Kind[*corev1.ResourceQuota]
}

func start(t *testing.T, hard ...string) world {
	c := apitest.Start(t).Client(t)
	informers := client.NewInformers(c)
	apitest.Run(t, resourcequota.New(c, informers, controller.Options{}).Run)
	apitest.Run(t, informers.Run)
	w := world{T: t, pods: client.For[*corev1.Pod](c), configMaps: client.For[*corev1.ConfigMap](c), quotas: client.For[*corev1.ResourceQuota](c)}
	q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{}}}
	for i := 0; i < len(hard); i += 2 {
		q.Spec.Hard[corev1.ResourceName(hard[i])] = resource.MustParse(hard[i+1])
	}
	_, err := w.quotas.Create(t.Context(), q)
	require.NoError(t, err)
	return w
}

// used returns what the quota says once everything has happened that does at once.
func (w world) used() string {
	w.Helper()
	synctest.Wait()
	q, err := w.quotas.Get(w.Context(), "default", "q")
	require.NoError(w, err)
	return quota.Text(q.Status.Used)
}

func (w world) createPod(name string) error {
	_, err := w.pods.Create(w.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	})
	return err
}

func TestController_pods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, "pods", "2", "count/pods", "3")
		require.Equal(t, "count/pods=0,pods=0", w.used())
		require.NoError(t, w.createPod("a"))
		require.NoError(t, w.createPod("b"))
		require.Equal(t, "count/pods=2,pods=2", w.used())
		err := w.createPod("c")
		require.True(t, apierrors.IsForbidden(err), "%v", err)
		require.ErrorContains(t, err, "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2")

		t.Log("what is deleted makes room at once")
		require.NoError(t, w.pods.Delete(t.Context(), "default", "a"))
		require.Equal(t, "count/pods=1,pods=1", w.used())
		require.NoError(t, w.createPod("c"))

		t.Log("and so does a pod that ends, but it still counts as an object")
		_, err = w.pods.ModifyStatus(t.Context(), "default", "b", func(p *corev1.Pod) error {
			p.Status.Phase = corev1.PodSucceeded
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "count/pods=2,pods=1", w.used())
	})
}

func TestController_anyKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, "count/configmaps", "2", "configmaps", "2")
		require.Equal(t, "configmaps=0,count/configmaps=0", w.used())
		create := func(name string) error {
			_, err := w.configMaps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}})
			return err
		}
		require.NoError(t, create("a"))
		require.NoError(t, create("b"))
		require.ErrorContains(t, create("c"), "exceeded quota: q, requested: configmaps=1,count/configmaps=1")
		require.NoError(t, w.configMaps.Delete(t.Context(), "default", "a"))
		require.Equal(t, "configmaps=1,count/configmaps=1", w.used())
	})
}

func TestController_whatIsThereAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, "services", "1")
		require.NoError(t, w.createPod("a"))
		_, err := w.quotas.Modify(t.Context(), "default", "q", func(q *corev1.ResourceQuota) error {
			q.Spec.Hard = corev1.ResourceList{"pods": resource.MustParse("5")}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "pods=1", w.used())

		t.Log("a charge that nobody used is given back after a while")
		_, err = w.quotas.ModifyStatus(t.Context(), "default", "q", func(q *corev1.ResourceQuota) error {
			q.Status.Used = corev1.ResourceList{"pods": resource.MustParse("4")}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "pods=4", w.used())
		time.Sleep(6 * time.Minute)
		require.Equal(t, "pods=1", w.used())
	})
}

func TestController_unknownKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, "pods", "1", "count/widgets.example.com", "1")
		require.Equal(t, "pods=0", w.used(), "what nobody serves cannot be counted, and holds up nothing")
	})
}

func ExampleNew() {
	c, err := client.New(client.Config{BaseURL: "http://coracle"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(resourcequota.New(c, client.NewInformers(c), controller.Options{}).Name()) // Run it, and the informers
	// Output: resourcequota
}

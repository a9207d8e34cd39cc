package podgc_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/podgc"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

func TestPodGC_RemovesThePodsOfADeletedNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		informers := client.NewInformers(c)
		gc := podgc.New(c, informers, podgc.Options{})
		apitest.Run(t, informers.Run)
		apitest.Run(t, gc.Run)

		nodes, pods := client.For[*corev1.Node](c), client.For[*corev1.Pod](c)
		for _, name := range []string{"stays", "goes"} {
			_, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
			require.NoError(t, err)
			_, err = pods.Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "on-" + name},
				Spec:       corev1.PodSpec{NodeName: name, Containers: []corev1.Container{{Name: "c", Image: "i"}}},
			})
			require.NoError(t, err)
		}
		w, err := pods.Watch(t.Context(), "default", client.WatchOptions{FieldSelector: "metadata.name=on-goes", SendInitialEvents: true})
		require.NoError(t, err)
		defer w.Close()
		require.NoError(t, nodes.Delete(t.Context(), "", "goes"))
		time.Sleep(30 * time.Second)
		list, err := pods.List(t.Context(), "default", client.ListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 2, "not yet: the node might come back")
		time.Sleep(40 * time.Second)
		synctest.Wait()
		list, err = pods.List(t.Context(), "default", client.ListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, "on-stays", list.Items[0].Name)

		var last *corev1.Pod
		for last == nil {
			event, err := w.Next(t.Context())
			require.NoError(t, err)
			if event.Type == "DELETED" {
				last = event.Object
			}
		}
		require.Equal(t, corev1.PodFailed, last.Status.Phase)
		require.Equal(t, "DeletionByPodGC", last.Status.Conditions[len(last.Status.Conditions)-1].Reason)
	})
}

func Example() {
	c, err := client.New(client.Config{BaseURL: "https://127.0.0.1:6443"})
	if err != nil {
		fmt.Println(err)
		return
	}
	gc := podgc.New(c, client.NewInformers(c), podgc.Options{Keep: 100})
	fmt.Println(gc.Name())
	// Output: pod-garbage-collector
}

package endpointslice_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/endpointslice"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestController_FollowsPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		(&apitest.Kubelet{Start: 5 * time.Second, Stop: 5 * time.Second}).Run(t, c)
		informers := client.NewInformers(c)
		ctl := endpointslice.New(c, informers, controller.Options{})
		apitest.Run(t, informers.Run)
		apitest.Run(t, ctl.Run)
		services, pods := client.For[*corev1.Service](c), client.For[*corev1.Pod](c)
		list := func() []*discoveryv1.EndpointSlice {
			found, err := client.For[*discoveryv1.EndpointSlice](c).List(t.Context(), "default", client.ListOptions{LabelSelector: "kubernetes.io/service-name=web"})
			require.NoError(t, err)
			return found.Items
		}
		show := func() string {
			var out []string
			for _, s := range list() {
				for _, e := range s.Endpoints {
					out = append(out, fmt.Sprintf("%s:%d ready=%t serving=%t terminating=%t", e.TargetRef.Name,
						*s.Ports[0].Port, *e.Conditions.Ready, *e.Conditions.Serving, *e.Conditions.Terminating))
				}
			}
			slices.Sort(out)
			return strings.Join(out, "\n")
		}

		svc := service()
		svc.UID, svc.Spec.ClusterIP = "", ""
		_, err := services.Create(t.Context(), svc)
		require.NoError(t, err)
		settle(time.Second)
		require.Len(t, list(), 1)
		require.Empty(t, show())

		for n := range 2 {
			p := pod(n, 8080)
			p.UID, p.Status, p.Spec.NodeName, p.Labels = "", corev1.PodStatus{}, "", map[string]string{"app": "web"}
			p.Spec.Containers[0].Name, p.Spec.Containers[0].Image = "app", "v1"
			_, err := pods.Create(t.Context(), p)
			require.NoError(t, err)
		}
		settle(time.Second)
		require.Equal(t, "pod-000:8080 ready=false serving=false terminating=false\npod-001:8080 ready=false serving=false terminating=false", show())
		settle(10 * time.Second)
		require.Equal(t, "pod-000:8080 ready=true serving=true terminating=false\npod-001:8080 ready=true serving=true terminating=false", show())

		require.NoError(t, pods.Delete(t.Context(), "default", "pod-000"))
		settle(time.Second)
		require.Equal(t, "pod-000:8080 ready=false serving=true terminating=true\npod-001:8080 ready=true serving=true terminating=false", show())
		settle(10 * time.Second)
		require.Equal(t, "pod-001:8080 ready=true serving=true terminating=false", show())

		t.Log("a slice that somebody deletes comes back, and nothing else is written")
		before := list()[0]
		require.NoError(t, client.For[*discoveryv1.EndpointSlice](c).Delete(t.Context(), "default", before.Name))
		settle(time.Second)
		require.Equal(t, "pod-001:8080 ready=true serving=true terminating=false", show())
		version := list()[0].ResourceVersion
		_, err = pods.Modify(t.Context(), "default", "pod-001", func(p *corev1.Pod) error {
			p.Annotations = map[string]string{"irrelevant": "yes"}
			return nil
		})
		require.NoError(t, err)
		settle(time.Second)
		require.Equal(t, version, list()[0].ResourceVersion)

		t.Log("with the node its pods are gone, and come back with it")
		nodes := client.For[*corev1.Node](c)
		require.NoError(t, nodes.Delete(t.Context(), "", apitest.Node))
		settle(time.Second)
		require.Empty(t, show())
		_, err = nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: apitest.Node}})
		require.NoError(t, err)
		settle(time.Second)
		require.Equal(t, "pod-001:8080 ready=true serving=true terminating=false", show())

		t.Log("and with the Service its slices")
		require.NoError(t, services.Delete(t.Context(), "default", "web"))
		settle(time.Second)
		require.Empty(t, list())
	})
}

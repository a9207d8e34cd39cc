package cluster_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// A node loses power. Nobody is told; that its lease is not renewed is all there
// is to see.
func TestCluster_replacesThePodsOfADeadNode(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithNodes(3), clustertest.WithImage("web:v1", app("v1")))
		c.Apply(web("web:v1", 3))
		waitRolledOut(c, "web")
		nodes := map[string]string{}
		for _, p := range podsOf(c, "web") {
			nodes[p.Spec.NodeName] = p.Status.PodIP
		}
		require.Len(t, nodes, 3, "replicas are spread over the nodes")

		c.StopNode("node-2")
		c.WaitFor("the taint", func() bool {
			return len(clustertest.Get[*corev1.Node](c, "", "node-2").Spec.Taints) == 2
		})
		c.WaitFor("the Service to drop the dead pod", func() bool { return !slices.Contains(endpoints(c), nodes["node-2"]) })
		require.Len(t, endpoints(c), 2)
		stop := load(t, c, "http://web/", time.Second)
		require.Len(t, podsOf(c, "web"), 3, "pods tolerate the loss for five minutes")

		time.Sleep(6 * time.Minute)
		alive := podsOf(c, "web")
		require.Len(t, alive, 3)
		for _, p := range alive {
			require.NotEqual(t, "node-2", p.Spec.NodeName)
			require.Equal(t, corev1.PodRunning, p.Status.Phase)
		}
		require.Len(t, endpoints(c), 3)
		_, failures := stop()
		require.Empty(t, failures)

		c.StartNode("node-2")
		c.WaitFor("the node to be back without taints", func() bool {
			return len(clustertest.Get[*corev1.Node](c, "", "node-2").Spec.Taints) == 0
		})
		c.WaitFor("the evicted pod to be gone for good", func() bool {
			return len(clustertest.List[*corev1.Pod](c, "default", "app=web")) == 3
		})
	})
}

// endpoints returns the ready addresses of the Service web.
func endpoints(c *clustertest.Cluster) []string {
	var out []string
	for _, slice := range clustertest.List[*discoveryv1.EndpointSlice](c, "default", discoveryv1.LabelServiceName+"=web") {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				out = append(out, e.Addresses...)
			}
		}
	}
	return out
}

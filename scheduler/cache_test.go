package scheduler_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/scheduler"
)

// seen is what a cache's snapshot shows: each node with the pods on it.
func seen(c *scheduler.Cache) string {
	var out []string
	for _, n := range c.Snapshot().Nodes {
		line := n.Node.Name
		for _, p := range n.Pods {
			line += " " + p.Name
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func cacheOf(t *testing.T, nodes ...string) *scheduler.Cache {
	c := scheduler.NewCache()
	for _, name := range nodes {
		node, err := makeNode([]string{name}, "")
		require.NoError(t, err)
		c.SetNode(node)
	}
	return c
}

func podOn(t *testing.T, name, node string) *corev1.Pod {
	pod, err := makePod([]string{name, "cpu=1"}, "")
	require.NoError(t, err)
	pod.Spec.NodeName = node
	return pod
}

func TestCache_AssumedPods(t *testing.T) {
	c := cacheOf(t, "a", "b")
	pod := podOn(t, "p", "")
	info := scheduler.NewPodInfo(pod)
	require.True(t, c.Assume(info, "a"))
	require.Equal(t, "a p; b", seen(c))
	require.False(t, c.Assume(info, "b"), "it has a node")

	c.Forget(info)
	require.Equal(t, "a; b", seen(c))

	require.True(t, c.Assume(info, "a"))
	c.SetPod(podOn(t, "p", "a"))
	c.Forget(info)
	require.Equal(t, "a p; b", seen(c), "it was confirmed before the request failed")

	require.True(t, c.RemovePod(pod))
	require.False(t, c.RemovePod(pod))
	require.Equal(t, "a; b", seen(c))
}

// Another scheduler was faster: the pod is where that put it, whatever becomes
// of our own binding.
func TestCache_SomebodyElseWasFaster(t *testing.T) {
	c := cacheOf(t, "a", "b")
	info := scheduler.NewPodInfo(podOn(t, "p", ""))
	require.True(t, c.Assume(info, "a"))
	c.SetPod(podOn(t, "p", "b"))
	require.Equal(t, "a; b p", seen(c))
	c.Forget(info)
	require.Equal(t, "a; b p", seen(c))
	require.False(t, c.Assume(info, "a"))
}

func TestCache_NodesComeAndGo(t *testing.T) {
	c := cacheOf(t, "b")
	c.SetPod(podOn(t, "early", "a"))
	require.Equal(t, "b", seen(c))
	node, err := makeNode([]string{"a"}, "")
	require.NoError(t, err)
	c.SetNode(node)
	require.Equal(t, "a early; b", seen(c))

	before := c.Snapshot()
	c.RemoveNode("a")
	c.SetPod(podOn(t, "late", "a"))
	c.RemovePod(podOn(t, "early", "a"))
	require.Equal(t, "b", seen(c))
	c.SetNode(node)
	require.Equal(t, "a late; b", seen(c))
	require.Len(t, before.Nodes[0].Pods, 1)
	require.Equal(t, "early", before.Nodes[0].Pods[0].Name, "a snapshot never changes")

	c.RemoveNode("nowhere")
	c.RemoveNode("a")
	c.RemovePod(podOn(t, "late", "a"))
	c.SetNode(node)
	require.Equal(t, "a; b", seen(c))
}

// What did not change is shared between snapshots.
func TestCache_SnapshotsShare(t *testing.T) {
	c := cacheOf(t, "a", "b")
	first := c.Snapshot()
	require.Same(t, first, c.Snapshot())
	c.SetPod(podOn(t, "p", "a"))
	second := c.Snapshot()
	require.NotSame(t, first.Node("a"), second.Node("a"))
	require.Same(t, first.Node("b"), second.Node("b"))
	require.Empty(t, first.Node("a").Pods)
}

package scheduler_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// TestNeverOvercommits drives random clusters with pods that come, are pushed off,
// end and lose their nodes, and checks after each step that no node has promised
// more than it has, that the cache's sums are those of its pods, and that
// snapshots taken before have not changed.
func TestNeverOvercommits(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := &randomCluster{T: t, Rand: rand.New(rand.NewPCG(seed, 1)), story: newStory()}
			for range 300 {
				r.step()
			}
			require.NotZero(t, r.scheduled)
		})
	}
}

type randomCluster struct {
	*testing.T
	*rand.Rand
	*story
	number, scheduled int
	nodes             []string
}

func (r *randomCluster) step() {
	before := r.cache.Snapshot()
	looked := looks(before)
	switch r.IntN(12) {
	case 0:
		r.number++
		name := fmt.Sprintf("n%d", r.number)
		r.nodes = append(r.nodes, name)
		r.must(makeNode([]string{name, fmt.Sprintf("cpu=%d", 1+r.IntN(8)), fmt.Sprintf("pods=%d", 1+r.IntN(20)),
			fmt.Sprintf("zone=z%d", r.IntN(3))}, ""))
	case 1:
		if len(r.nodes) > 3 {
			i := r.IntN(len(r.nodes))
			r.remove("node", r.nodes[i])
			r.nodes = slices.Delete(r.nodes, i, i+1)
		}
	case 2, 3:
		if names := slices.Sorted(maps.Keys(r.pods)); len(names) > 0 {
			r.end(names[r.IntN(len(names))])
		}
	default:
		r.schedule()
	}
	require.Equal(r, looked, looks(before), "a snapshot changed")
	for _, n := range r.cache.Snapshot().Nodes {
		r.check(n)
	}
}

func (r *randomCluster) must(node *corev1.Node, err error) {
	require.NoError(r, err)
	r.cache.SetNode(node)
}

func (r *randomCluster) end(name string) {
	r.remove("pod", name)
	delete(r.pods, name)
}

// schedule tries a pod. If it was given a node, that is confirmed by the API
// server, or fails, or neither yet.
func (r *randomCluster) schedule() {
	r.number++
	args := []string{fmt.Sprintf("p%d", r.number), fmt.Sprintf("cpu=%dm", r.IntN(3000)), fmt.Sprintf("priority=%d", r.IntN(3))}
	if r.IntN(4) == 0 {
		args = append(args, fmt.Sprintf("port=%d", 80+r.IntN(3)))
	}
	if r.IntN(3) == 0 {
		args = append(args, fmt.Sprintf("owner=o%d", r.IntN(3)))
	}
	pod, err := makePod(args, "")
	require.NoError(r, err)
	p := scheduler.NewPodInfo(pod)
	var d *scheduler.Decision
	d, r.start = scheduler.NewCycle(r.profile, p, r.cache.Snapshot()).Schedule(r.start)
	if d.Node == "" {
		if d.Preemption != nil && d.Preemption.Node != "" {
			r.preempted(p, d.Preemption)
		}
		return
	}
	r.scheduled++
	require.True(r, r.cache.Assume(p, d.Node))
	switch r.IntN(3) {
	case 0:
		pod.Spec.NodeName = d.Node
		r.cache.SetPod(pod)
		r.cache.Forget(p) // Too late to take it back.
		require.True(r, r.cache.Has(pod))
	case 1:
		r.cache.Forget(p)
		require.False(r, r.cache.Has(pod))
		return
	}
	r.pods[pod.Name] = p
}

// preempted checks that the victims matter less, and that the pod does fit
// without them.
func (r *randomCluster) preempted(p *scheduler.PodInfo, found *scheduler.Preemption) {
	for _, victim := range found.Victims {
		require.Less(r, victim.Importance(), p.Importance())
		r.end(victim.Name)
	}
	only := scheduler.NewSnapshot(r.cache.Snapshot().Node(found.Node))
	d, _ := scheduler.NewCycle(plugins.Stateless(), p, only).Schedule(0)
	require.Equal(r, found.Node, d.Node, d.Explain())
}

func (r *randomCluster) check(n *scheduler.NodeInfo) {
	var sum scheduler.Resources
	ports := map[scheduler.HostPort]bool{}
	for _, p := range n.Pods {
		sum.Add(&p.Requests, 1)
		for _, port := range p.Ports {
			require.False(r, ports[port], "port %v twice on %v", port, n)
			ports[port] = true
		}
	}
	require.Equal(r, sum.MilliCPU, n.Requested.MilliCPU, n)
	require.LessOrEqual(r, n.Requested.MilliCPU, n.Allocatable.MilliCPU, n)
	require.LessOrEqual(r, int64(len(n.Pods)), n.MaxPods, n)
}

func looks(s *scheduler.Snapshot) []string {
	var out []string
	for _, n := range s.Nodes {
		out = append(out, n.String())
	}
	return out
}

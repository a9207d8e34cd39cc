package replicaset

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/controller/podstate"
)

// A Plan is one step towards the wanted number of pods.
type Plan struct {
	// Create is how many pods to create.
	Create int
	// Delete are the pods to delete.
	Delete []*corev1.Pod
}

// MakePlan compares the wanted number of pods with those there are. Pods that
// ended or are ending do not count; they are on their way out. related are the
// pods to which a node's share is counted, usually those of the whole Deployment.
func MakePlan(wanted int, pods, related []*corev1.Pod) Plan {
	active := podstate.Active(pods)
	if missing := wanted - len(active); missing >= 0 {
		return Plan{Create: missing}
	}
	victims := slices.Clone(active)
	onNode := map[string]int{}
	for _, p := range podstate.Active(related) {
		onNode[p.Spec.NodeName]++
	}
	slices.SortStableFunc(victims, func(a, b *corev1.Pod) int { return leastMissed(a, b, onNode) })
	return Plan{Delete: victims[:len(active)-wanted]}
}

// leastMissed orders pods by how little they would be missed.
func leastMissed(a, b *corev1.Pod, onNode map[string]int) int {
	return cmp.Or(
		first(a.Spec.NodeName == "", b.Spec.NodeName == ""),
		cmp.Compare(phaseRank(a), phaseRank(b)),
		first(!podstate.Ready(a), !podstate.Ready(b)),
		cmp.Compare(deletionCost(a), deletionCost(b)),
		-cmp.Compare(onNode[a.Spec.NodeName], onNode[b.Spec.NodeName]),
		-readySince(a).Compare(readySince(b)),
		-cmp.Compare(restarts(a), restarts(b)),
		-a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
	)
}

// first orders those for which a condition holds before the others.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func phaseRank(p *corev1.Pod) int {
	switch p.Status.Phase {
	case corev1.PodPending, "":
		return 0
	case corev1.PodUnknown:
		return 1
	}
	return 2
}

// deletionCost is what the user says a pod is worth (KEP-2255).
func deletionCost(p *corev1.Pod) int64 {
	n, _ := strconv.ParseInt(p.Annotations[corev1.PodDeletionCost], 10, 32)
	return n
}

func readySince(p *corev1.Pod) time.Time {
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

func restarts(p *corev1.Pod) (n int32) {
	for i := range p.Status.ContainerStatuses {
		n = max(n, p.Status.ContainerStatuses[i].RestartCount)
	}
	return n
}

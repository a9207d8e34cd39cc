package scheduler

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
)

// podChanged keeps the cache and the queue true when a pod changes: old is nil
// for a new one, pod for one that is gone.
func (s *Scheduler) podChanged(old, pod *corev1.Pod) {
	switch {
	case pod == nil:
		s.queue.Remove(old.UID)
		s.denominate(old.UID)
		if s.cache.RemovePod(old) {
			s.queue.Changed(PodDeleted)
		}
	case pod.Spec.NodeName != "":
		s.queue.Remove(pod.UID)
		s.nominated.Remove(pod.UID)
		s.cache.SetPod(pod)
		s.placed(old, pod)
	case !s.mine(pod):
		s.queue.Remove(pod.UID)
		s.denominate(pod.UID)
	case s.cache.Has(pod): // Its binding is on the way.
		s.queue.Update(pod)
	default:
		s.renominate(old, pod)
		s.queue.Add(pod)
	}
}

// placed tells the queue what changed about a pod that has a node.
func (s *Scheduler) placed(old, pod *corev1.Pod) {
	switch {
	case old == nil || old.Spec.NodeName == "":
		s.queue.Changed(PodAdded)
	case old.Generation != pod.Generation,
		(old.DeletionTimestamp == nil) != (pod.DeletionTimestamp == nil),
		!equality.Semantic.DeepEqual(old.Labels, pod.Labels):
		s.queue.Changed(PodChanged)
	}
}

// renominate follows what a waiting pod's status says of its nomination. One
// that was made here is there before the status says so, and stays.
func (s *Scheduler) renominate(old, pod *corev1.Pod) {
	node := pod.Status.NominatedNodeName
	switch {
	case node != "" && s.nominated.Node(pod.UID) == "" && (old == nil || old.Status.NominatedNodeName != node):
		s.nominated.Set(NewPodInfo(pod), node)
	case node == "" && old != nil && old.Status.NominatedNodeName != "":
		s.denominate(pod.UID)
	}
}

// denominate ends a nomination: the place that was kept for the pod is free.
func (s *Scheduler) denominate(uid types.UID) {
	if s.nominated.Remove(uid) {
		s.queue.Changed(PodDeleted)
	}
}

func (s *Scheduler) nodeChanged(old, node *corev1.Node) {
	switch {
	case node == nil:
		s.cache.RemoveNode(old.Name)
		s.queue.Changed(NodeRemoved)
	case old == nil:
		s.cache.SetNode(node)
		s.queue.Changed(NodeAdded)
	case concerns(old, node):
		s.cache.SetNode(node)
		s.queue.Changed(NodeChanged)
	case !equality.Semantic.DeepEqual(old.Status.Images, node.Status.Images):
		s.cache.SetNode(node) // It may be better now, but not newly possible.
	}
}

// concerns reports whether a node changed in what filters look at. Nodes report
// that they live every few minutes, which is nothing.
func concerns(old, node *corev1.Node) bool {
	return old.Spec.Unschedulable != node.Spec.Unschedulable ||
		!equality.Semantic.DeepEqual(old.Spec.Taints, node.Spec.Taints) ||
		!equality.Semantic.DeepEqual(old.Labels, node.Labels) ||
		!equality.Semantic.DeepEqual(old.Status.Allocatable, node.Status.Allocatable)
}

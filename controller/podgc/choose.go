package podgc

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A reason is why a pod is removed.
type reason string

// The reasons, which are logged.
const (
	nodeGone     reason = "its node does not exist"
	neverStarted reason = "it was deleted before it had a node"
	outOfService reason = "its node is out of service"
	tooMany      reason = "too many pods have ended"
)

// fails says whether the pod's status should tell that it failed first: then
// somebody may wait for how it ends.
func (r reason) fails() bool { return r == nodeGone || r == outOfService }

// A removal is a pod to remove.
type removal struct {
	pod    *corev1.Pod
	reason reason
}

// choose returns the pods to remove. Lost says which nodes are known not to
// exist. Of the pods that have ended it leaves keep, the youngest.
func choose(pods []*corev1.Pod, node func(name string) *corev1.Node, lost func(name string) bool, keep int) []removal {
	var removals []removal
	var ended []*corev1.Pod
	for _, pod := range pods {
		switch why := chooseOne(pod, node, lost); {
		case why != "":
			removals = append(removals, removal{pod, why})
		case hasEnded(pod) && pod.DeletionTimestamp == nil:
			ended = append(ended, pod)
		}
	}
	slices.SortFunc(ended, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	for _, pod := range ended[:max(len(ended)-keep, 0)] {
		removals = append(removals, removal{pod, tooMany})
	}
	return removals
}

func chooseOne(pod *corev1.Pod, node func(name string) *corev1.Node, lost func(name string) bool) reason {
	deleted := pod.DeletionTimestamp != nil
	name := pod.Spec.NodeName
	if name == "" {
		if deleted {
			return neverStarted
		}
		return ""
	}
	if lost(name) {
		return nodeGone
	}
	if n := node(name); deleted && n != nil && !isReady(n) && isOutOfService(n) {
		return outOfService
	}
	return ""
}

func hasEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func isReady(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

func isOutOfService(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
}

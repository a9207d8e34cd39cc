package scheduler

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
)

// podChanged keeps the cache and the queue true when a pod changes: old is nil
// for a new one, pod for one that is gone.
func (s *Scheduler) podChanged(old, pod *corev1.Pod) {
	switch {
	case pod == nil:
		s.queue.Remove(old)
		s.cache.RemovePod(old)
		if old.Spec.NodeName != "" {
			s.queue.Changed(PodDeleted)
		}
	case pod.Spec.NodeName != "":
		s.queue.Remove(pod)
		s.cache.SetPod(pod)
		if old == nil || old.Spec.NodeName == "" || !equality.Semantic.DeepEqual(old.Labels, pod.Labels) {
			s.queue.Changed(PodAdded)
		}
	case s.mine(pod):
		if !s.cache.Has(pod) { // Otherwise its binding is on the way.
			s.queue.Add(pod)
		}
	default:
		s.queue.Remove(pod)
	}
}

func (s *Scheduler) nodeChanged(old, node *corev1.Node) {
	switch {
	case node == nil:
		s.cache.RemoveNode(old.Name)
	case old == nil:
		s.cache.SetNode(node)
		s.queue.Changed(NodeAdded)
	default:
		s.cache.SetNode(node)
		if concerns(old, node) {
			s.queue.Changed(NodeChanged)
		}
	}
}

// concerns reports whether a node changed in what scheduling looks at. Nodes
// report that they live every few minutes, which is nothing.
func concerns(old, node *corev1.Node) bool {
	return old.Spec.Unschedulable != node.Spec.Unschedulable ||
		!equality.Semantic.DeepEqual(old.Spec.Taints, node.Spec.Taints) ||
		!equality.Semantic.DeepEqual(old.Labels, node.Labels) ||
		!equality.Semantic.DeepEqual(old.Status.Allocatable, node.Status.Allocatable)
}

// markUnschedulable writes the PodScheduled condition. A pod that is gone or
// that got a node meanwhile needs none.
func markUnschedulable(ctx context.Context, c *client.Client, pod *corev1.Pod, message string) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status": map[string]any{"conditions": []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
			Reason: corev1.PodReasonUnschedulable, Message: message,
			LastTransitionTime: metav1.Now(),
		}}},
	})
	if err != nil {
		return err
	}
	_, err = client.For[*corev1.Pod](c).Patch(ctx, pod.Namespace, pod.Name, types.StrategicMergePatchType, patch, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

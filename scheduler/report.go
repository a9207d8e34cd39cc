package scheduler

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
)

// report tells people why there is no node: as an event, and as the pod's
// PodScheduled condition. The pod's nomination is written with it.
func (s *Scheduler) report(ctx context.Context, pod *corev1.Pod, reason, message string) {
	s.recorder.Eventf(pod, corev1.EventTypeWarning, "FailedScheduling", "%s", message)
	if latest, ok := s.pods.Get(pod.Namespace, pod.Name); ok && latest.UID == pod.UID {
		pod = latest
	}
	node := s.nominated.Node(pod.UID)
	condition := corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: reason, Message: message, ObservedGeneration: pod.Generation,
	}
	status := with(pod.Status.Conditions, condition)
	if status == nil && pod.Status.NominatedNodeName == node {
		return
	}
	if status == nil {
		status = map[string]any{}
	}
	status["nominatedNodeName"] = node
	if err := patchStatus(ctx, s.cfg.Client, pod, status); err != nil && ctx.Err() == nil {
		s.cfg.Logger.Warn("report unschedulable pod", "pod", pod.Namespace+"/"+pod.Name, "error", err)
	}
}

// pushOff ends the victims, as gently as they were promised, and nominates the
// pod instead of less important ones that the node was cleared for.
func (s *Scheduler) pushOff(ctx context.Context, pod *PodInfo, p *Preemption) error {
	for _, victim := range p.Victims {
		if victim.DeletionTimestamp != nil {
			continue // It is ending already.
		}
		if err := s.end(ctx, victim.Pod, pod.Pod, p.Node); err != nil {
			return err
		}
	}
	for _, other := range s.nominated.View()[p.Node] {
		if other.Importance() >= pod.Importance() {
			continue
		}
		s.nominated.Remove(other.UID)
		if err := patchStatus(ctx, s.cfg.Client, other.Pod, map[string]any{"nominatedNodeName": ""}); err != nil {
			return err
		}
	}
	return nil
}

// end deletes one victim, which says in its status why.
func (s *Scheduler) end(ctx context.Context, victim, pod *corev1.Pod, node string) error {
	status := with(victim.Status.Conditions, corev1.PodCondition{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue,
		Reason:             corev1.PodReasonPreemptionByScheduler,
		Message:            s.cfg.Name + ": preempting to accommodate a higher priority pod",
		ObservedGeneration: victim.Generation,
	})
	if status != nil {
		if err := patchStatus(ctx, s.cfg.Client, victim, status); err != nil {
			return err
		}
	}
	err := client.For[*corev1.Pod](s.cfg.Client).Delete(ctx, victim.Namespace, victim.Name, client.Precondition(victim.UID, ""))
	if err != nil && !gone(err) {
		return err
	}
	s.recorder.Eventf(victim, corev1.EventTypeNormal, "Preempted", "Preempted by pod %s on node %s", pod.UID, node)
	return nil
}

// with returns the status patch that sets a condition, or nil if the conditions
// say that already. The time of the last transition is that of the status.
func with(conditions []corev1.PodCondition, condition corev1.PodCondition) map[string]any {
	condition.LastTransitionTime = metav1.Now()
	for _, c := range conditions {
		if c.Type != condition.Type || c.Status != condition.Status {
			continue
		}
		if c.Reason == condition.Reason && c.Message == condition.Message {
			return nil
		}
		condition.LastTransitionTime = c.LastTransitionTime
	}
	return map[string]any{"conditions": []corev1.PodCondition{condition}}
}

// patchStatus changes a pod's status. A pod that is gone needs none.
func patchStatus(ctx context.Context, c *client.Client, pod *corev1.Pod, status map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		return err
	}
	_, err = client.For[*corev1.Pod](c).Patch(ctx, pod.Namespace, pod.Name, types.StrategicMergePatchType, patch, "status")
	if gone(err) {
		return nil
	}
	return err
}

// gone reports whether an error says that a pod does not exist any more: it is
// not found, or another has its name.
func gone(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }

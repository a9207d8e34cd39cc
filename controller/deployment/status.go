package deployment

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reasons of the Progressing condition; kubectl rollout status knows them.
const (
	reasonUpdated   = "ReplicaSetUpdated"
	reasonCreated   = "NewReplicaSetCreated"
	reasonAvailable = "NewReplicaSetAvailable"
	reasonTimedOut  = "ProgressDeadlineExceeded"
	reasonPaused    = "DeploymentPaused"
	reasonResumed   = "DeploymentResumed"
)

// StatusOf adds up the sets for the Deployment's status. soon is when the
// rollout will be late if nothing happens before, zero if it cannot be.
func StatusOf(d *appsv1.Deployment, sets []*appsv1.ReplicaSet, now time.Time) (status appsv1.DeploymentStatus, soon time.Duration) {
	newSet, _ := split(d, sets)
	status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation,
		CollisionCount:     d.Status.CollisionCount,
		Conditions:         append([]appsv1.DeploymentCondition(nil), d.Status.Conditions...),
	}
	var terminating int32
	for _, rs := range sets {
		status.Replicas += rs.Status.Replicas
		status.ReadyReplicas += rs.Status.ReadyReplicas
		status.AvailableReplicas += rs.Status.AvailableReplicas
		if rs.Status.TerminatingReplicas != nil {
			terminating += *rs.Status.TerminatingReplicas
		}
	}
	status.TerminatingReplicas = &terminating
	if newSet != nil {
		status.UpdatedReplicas = newSet.Status.Replicas
	}
	status.UnavailableReplicas = max(*d.Spec.Replicas-status.AvailableReplicas, 0)
	available(d, &status, now)
	replicaFailure(sets, &status, now)
	return status, progress(d, newSet, &status, now)
}

// available sets the Available condition: enough pods serve.
func available(d *appsv1.Deployment, status *appsv1.DeploymentStatus, now time.Time) {
	least := *d.Spec.Replicas - int32(BoundsOf(d).Unavailable)
	if status.AvailableReplicas >= least {
		set(status, appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable",
			"Deployment has minimum availability.", now)
	} else {
		set(status, appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable",
			"Deployment does not have minimum availability.", now)
	}
}

// replicaFailure passes on why a set cannot make its pods.
func replicaFailure(sets []*appsv1.ReplicaSet, status *appsv1.DeploymentStatus, now time.Time) {
	for _, rs := range sets {
		for _, c := range rs.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
				set(status, appsv1.DeploymentReplicaFailure, c.Status, c.Reason, c.Message, now)
				return
			}
		}
	}
	for i, c := range status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure {
			status.Conditions = append(status.Conditions[:i:i], status.Conditions[i+1:]...)
			return
		}
	}
}

// progress sets the Progressing condition and returns when it will time out.
func progress(d *appsv1.Deployment, newSet *appsv1.ReplicaSet, status *appsv1.DeploymentStatus, now time.Time) time.Duration {
	name := ""
	if newSet != nil {
		name = newSet.Name
	}
	current := condition(&d.Status, appsv1.DeploymentProgressing)
	switch {
	case d.Spec.ProgressDeadlineSeconds == nil:
		return 0
	case d.Spec.Paused:
		if current == nil || current.Reason != reasonTimedOut {
			set(status, appsv1.DeploymentProgressing, corev1.ConditionUnknown, reasonPaused, "Deployment is paused", now)
		}
		return 0
	case isComplete(d, status):
		set(status, appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonAvailable,
			fmt.Sprintf("ReplicaSet %q has successfully progressed.", name), now)
		return 0
	case current == nil:
		set(status, appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonCreated,
			fmt.Sprintf("Created new replica set %q", name), now)
	case current.Reason == reasonPaused:
		set(status, appsv1.DeploymentProgressing, corev1.ConditionUnknown, reasonResumed, "Deployment is resumed", now)
	case advanced(&d.Status, status), current.Reason == reasonAvailable:
		update(status, appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonUpdated,
			fmt.Sprintf("ReplicaSet %q is progressing.", name), now)
	}
	c := condition(status, appsv1.DeploymentProgressing)
	if c.Reason == reasonTimedOut {
		return 0
	}
	left := c.LastUpdateTime.Add(time.Duration(*d.Spec.ProgressDeadlineSeconds) * time.Second).Sub(now)
	if left <= 0 {
		set(status, appsv1.DeploymentProgressing, corev1.ConditionFalse, reasonTimedOut,
			fmt.Sprintf("ReplicaSet %q has timed out progressing.", name), now)
		return 0
	}
	return left
}

// complete reports whether the Deployment's stored status says that its
// rollout is over.
func complete(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration >= d.Generation && isComplete(d, &d.Status)
}

func isComplete(d *appsv1.Deployment, s *appsv1.DeploymentStatus) bool {
	wanted := *d.Spec.Replicas
	return s.UpdatedReplicas == wanted && s.Replicas == wanted && s.AvailableReplicas == wanted
}

// advanced reports whether the rollout moved since the last status.
func advanced(before, now *appsv1.DeploymentStatus) bool {
	return now.UpdatedReplicas > before.UpdatedReplicas ||
		now.Replicas-now.UpdatedReplicas < before.Replicas-before.UpdatedReplicas ||
		now.ReadyReplicas > before.ReadyReplicas || now.AvailableReplicas > before.AvailableReplicas
}

func condition(s *appsv1.DeploymentStatus, t appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == t {
			return &s.Conditions[i]
		}
	}
	return nil
}

// set gives a condition a new state, unless it has it already.
func set(s *appsv1.DeploymentStatus, t appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string, now time.Time) {
	if c := condition(s, t); c != nil && c.Status == status && c.Reason == reason && c.Message == message {
		return
	}
	update(s, t, status, reason, message, now)
}

// update gives a condition a state and says that it is of now.
func update(s *appsv1.DeploymentStatus, t appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string, now time.Time) {
	c := condition(s, t)
	if c == nil {
		s.Conditions = append(s.Conditions, appsv1.DeploymentCondition{Type: t})
		c = &s.Conditions[len(s.Conditions)-1]
	}
	if c.Status != status {
		c.LastTransitionTime = metav1.NewTime(now)
	}
	c.Status, c.Reason, c.Message, c.LastUpdateTime = status, reason, message, metav1.NewTime(now)
}

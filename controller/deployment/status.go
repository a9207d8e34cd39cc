package deployment

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reasons of the Progressing condition; kubectl rollout status knows them.
const (
	reasonUpdated   = "ReplicaSetUpdated"
	reasonCreated   = "NewReplicaSetCreated"
	reasonFound     = "FoundNewReplicaSet"
	reasonRefused   = "ReplicaSetCreateError"
	reasonAvailable = "NewReplicaSetAvailable"
	reasonTimedOut  = "ProgressDeadlineExceeded"
	reasonPaused    = "DeploymentPaused"
	reasonResumed   = "DeploymentResumed"
)

// StatusOf adds up the sets for the Deployment's status. soon is when the
// rollout will be late if nothing happens before, zero if it cannot be.
func StatusOf(d *appsv1.Deployment, sets []*appsv1.ReplicaSet, now time.Time) (status appsv1.DeploymentStatus, soon time.Duration) {
	newSet, old := split(d, sets)
	status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation,
		CollisionCount:     d.Status.CollisionCount,
		Conditions:         append([]appsv1.DeploymentCondition(nil), d.Status.Conditions...),
	}
	var terminating, total int32
	for _, rs := range sets {
		total += *rs.Spec.Replicas
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
	status.UnavailableReplicas = max(total-status.AvailableReplicas, 0)
	available(d, &status, now)
	replicaFailure(newSet, old, &status, now)
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

// replicaFailure passes on why a set cannot make its pods, the new one first.
func replicaFailure(newSet *appsv1.ReplicaSet, old []*appsv1.ReplicaSet, status *appsv1.DeploymentStatus, now time.Time) {
	sets := byAge(old)
	if newSet != nil {
		sets = slices.Insert(sets, 0, newSet)
	}
	for _, rs := range sets {
		for _, c := range rs.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
				set(status, appsv1.DeploymentReplicaFailure, c.Status, c.Reason, c.Message, now)
				return
			}
		}
	}
	unset(status, appsv1.DeploymentReplicaFailure)
}

// progress sets the Progressing condition and returns when it will time out.
func progress(d *appsv1.Deployment, newSet *appsv1.ReplicaSet, status *appsv1.DeploymentStatus, now time.Time) time.Duration {
	deadline := d.Spec.ProgressDeadlineSeconds
	if deadline == nil || *deadline == math.MaxInt32 {
		unset(status, appsv1.DeploymentProgressing)
		return 0
	}
	const progressing = appsv1.DeploymentProgressing
	current := condition(&d.Status, progressing)
	switch {
	case d.Spec.Paused:
		if current == nil || current.Reason != reasonTimedOut {
			set(status, progressing, corev1.ConditionUnknown, reasonPaused, "Deployment is paused", now)
		}
		return 0
	case isComplete(d, status):
		set(status, progressing, corev1.ConditionTrue, reasonAvailable, what(d, newSet)+" has successfully progressed.", now)
		return 0
	case over(current, newSet, status):
		return 0 // Pods that fail after a rollout are none of its business.
	case current != nil && current.Reason == reasonPaused:
		set(status, progressing, corev1.ConditionUnknown, reasonResumed, "Deployment is resumed", now)
	case newSet != nil && begins(current, newSet):
		begin(status, newSet, now)
	case current == nil || advanced(&d.Status, status):
		update(status, progressing, corev1.ConditionTrue, reasonUpdated, what(d, newSet)+" is progressing.", now)
	}
	c := condition(status, progressing)
	if c.Reason == reasonTimedOut || c.Reason == reasonAvailable {
		return 0
	}
	left := c.LastUpdateTime.Add(time.Duration(*deadline) * time.Second).Sub(now)
	if left <= 0 {
		set(status, progressing, corev1.ConditionFalse, reasonTimedOut, what(d, newSet)+" has timed out progressing.", now)
		return 0
	}
	return left
}

// what is it that progresses, or not.
func what(d *appsv1.Deployment, newSet *appsv1.ReplicaSet) string {
	if newSet == nil {
		return fmt.Sprintf("Deployment %q", d.Name)
	}
	return fmt.Sprintf("ReplicaSet %q", newSet.Name)
}

// over reports whether the rollout to the new set was completed before: then
// it has no deadline any more.
func over(c *appsv1.DeploymentCondition, newSet *appsv1.ReplicaSet, status *appsv1.DeploymentStatus) bool {
	return c != nil && c.Reason == reasonAvailable && newSet != nil && about(c, newSet) && status.Replicas == status.UpdatedReplicas
}

// begins reports whether the rollout to the new set has only now begun: the
// condition is still about another. Its clock starts anew then.
func begins(c *appsv1.DeploymentCondition, newSet *appsv1.ReplicaSet) bool {
	return c == nil || c.Reason == reasonRefused || c.Reason != reasonResumed && !about(c, newSet)
}

func about(c *appsv1.DeploymentCondition, rs *appsv1.ReplicaSet) bool {
	return strings.Contains(c.Message, strconv.Quote(rs.Name))
}

func begin(status *appsv1.DeploymentStatus, newSet *appsv1.ReplicaSet, now time.Time) {
	reason, message := reasonCreated, "Created new replica set %q"
	if newSet.Annotations[historyAnnotation] != "" {
		reason, message = reasonFound, "Found new replica set %q"
	}
	update(status, appsv1.DeploymentProgressing, corev1.ConditionTrue, reason, fmt.Sprintf(message, newSet.Name), now)
}

// refusedStatus is the Deployment's status when the set for its template cannot
// be made. Its numbers are still those of the generation before, so that one
// stays the observed: a watcher must not take the old rollout for the new one.
func refusedStatus(d *appsv1.Deployment, name string, err error, now time.Time) appsv1.DeploymentStatus {
	status := *d.Status.DeepCopy()
	set(&status, appsv1.DeploymentProgressing, corev1.ConditionFalse, reasonRefused,
		fmt.Sprintf("Failed to create new replica set %q: %v", name, err), now)
	return status
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

// unset takes a condition away.
func unset(s *appsv1.DeploymentStatus, t appsv1.DeploymentConditionType) {
	s.Conditions = slices.DeleteFunc(slices.Clone(s.Conditions), func(c appsv1.DeploymentCondition) bool { return c.Type == t })
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

package replicaset

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/controller/podstate"
)

// A Failure is why pods could not be created or deleted.
type Failure struct{ Reason, Message string }

func failureOf(reason string, err error) *Failure {
	if err == nil {
		return nil
	}
	return &Failure{Reason: reason, Message: err.Error()}
}

// failureIn is the failure that the set's status tells of: it stands until the
// next try.
func failureIn(rs *appsv1.ReplicaSet) *Failure {
	for _, c := range rs.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			return &Failure{Reason: c.Reason, Message: c.Message}
		}
	}
	return nil
}

// StatusOf counts the pods for the ReplicaSet's status, with failure as why
// pods could not be created or deleted, nil if they could. soon is when the next
// pod becomes available by the mere passing of time, zero if none will.
func StatusOf(rs *appsv1.ReplicaSet, pods []*corev1.Pod, failure *Failure, now time.Time) (status appsv1.ReplicaSetStatus, soon time.Duration) {
	status = appsv1.ReplicaSetStatus{ObservedGeneration: rs.Generation}
	template := labels.SelectorFromSet(rs.Spec.Template.Labels)
	minReady := time.Duration(rs.Spec.MinReadySeconds) * time.Second
	var terminating int32
	for _, p := range pods {
		if !podstate.IsActive(p) {
			if p.DeletionTimestamp != nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
				terminating++
			}
			continue
		}
		status.Replicas++
		if template.Matches(labels.Set(p.Labels)) {
			status.FullyLabeledReplicas++
		}
		if podstate.Ready(p) {
			status.ReadyReplicas++
		}
		available, after := podstate.Available(p, minReady, now)
		if available {
			status.AvailableReplicas++
		}
		if after > 0 && (soon == 0 || after < soon) {
			soon = after
		}
	}
	status.TerminatingReplicas = &terminating
	status.Conditions = conditions(rs.Status.Conditions, failure, now)
	return status, soon
}

// conditions sets or clears ReplicaFailure and keeps all others.
func conditions(old []appsv1.ReplicaSetCondition, failure *Failure, now time.Time) []appsv1.ReplicaSetCondition {
	var out []appsv1.ReplicaSetCondition
	since := metav1.NewTime(now)
	for _, c := range old {
		if c.Type != appsv1.ReplicaSetReplicaFailure {
			out = append(out, c)
		} else if c.Status == corev1.ConditionTrue {
			since = c.LastTransitionTime
		}
	}
	if failure == nil {
		return out
	}
	return append(out, appsv1.ReplicaSetCondition{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue,
		Reason: failure.Reason, Message: failure.Message, LastTransitionTime: since,
	})
}

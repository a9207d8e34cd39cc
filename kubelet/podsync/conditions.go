package podsync

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// conditions sets the five conditions that are the kubelet's; those of others,
// such as readiness gates and DisruptionTarget, stay as they are.
func (d *decider) conditions(s *corev1.PodStatus) {
	containers := d.containersReady(s)
	owned := []corev1.PodCondition{
		{Type: corev1.PodReadyToStartContainers, Status: truth(d.networkReady())},
		d.initialisedCondition(s),
		d.podReady(s, containers),
		containers,
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
	}
	for i := len(owned) - 1; i >= 0; i-- {
		d.setCondition(s, owned[i])
	}
}

// setCondition puts a condition in its place. The transition time changes only
// with the status.
func (d *decider) setCondition(s *corev1.PodStatus, c corev1.PodCondition) {
	c.ObservedGeneration = d.Pod.Generation
	c.LastTransitionTime = metav1.NewTime(d.Now).Rfc3339Copy()
	for i, old := range s.Conditions {
		if old.Type == c.Type {
			if old.Status == c.Status {
				c.LastTransitionTime, c.LastProbeTime = old.LastTransitionTime, old.LastProbeTime
			}
			s.Conditions[i] = c
			return
		}
	}
	s.Conditions = append([]corev1.PodCondition{c}, s.Conditions...)
}

func truth(b bool) corev1.ConditionStatus {
	if b {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}

func (d *decider) networkReady() bool {
	return d.sandbox != nil && d.sandbox.Ready && (d.Pod.Spec.HostNetwork || len(d.sandbox.IPs) > 0)
}

func (d *decider) initialisedCondition(s *corev1.PodStatus) corev1.PodCondition {
	c := corev1.PodCondition{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}
	if s.Phase == corev1.PodSucceeded {
		c.Reason = reasonPodCompleted
		return c
	}
	if len(s.InitContainerStatuses) == 0 && len(d.Pod.Spec.InitContainers) > 0 {
		c.Status, c.Reason = corev1.ConditionFalse, reasonContainersNotInit
		return c
	}
	if names := d.incompleteInit(s); len(names) > 0 && !d.mainExists() {
		c.Status, c.Reason = corev1.ConditionFalse, reasonContainersNotInit
		c.Message = fmt.Sprintf("containers with incomplete status: [%s]", strings.Join(names, " "))
	}
	return c
}

// containersReady covers the containers and the sidecars.
func (d *decider) containersReady(s *corev1.PodStatus) corev1.PodCondition {
	c := corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionTrue}
	var unready []string
	for i, status := range s.InitContainerStatuses {
		if isSidecar(&d.Pod.Spec.InitContainers[i]) && !status.Ready {
			unready = append(unready, status.Name)
		}
	}
	for _, status := range s.ContainerStatuses {
		if !status.Ready {
			unready = append(unready, status.Name)
		}
	}
	switch {
	case s.Phase == corev1.PodSucceeded:
		c.Status, c.Reason = corev1.ConditionFalse, reasonPodCompleted
	case s.Phase == corev1.PodFailed:
		c.Status, c.Reason = corev1.ConditionFalse, reasonPodFailed
	case len(unready) > 0 || len(s.ContainerStatuses) == 0:
		c.Status, c.Reason = corev1.ConditionFalse, reasonContainersNotReady
		c.Message = fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
	}
	return c
}

// podReady is ContainersReady and all readiness gates (KEP-580).
func (d *decider) podReady(s *corev1.PodStatus, containers corev1.PodCondition) corev1.PodCondition {
	c := containers
	c.Type = corev1.PodReady
	if c.Status != corev1.ConditionTrue {
		return c
	}
	var closed []string
	for _, gate := range d.Pod.Spec.ReadinessGates {
		if !isTrue(s.Conditions, gate.ConditionType) {
			closed = append(closed, string(gate.ConditionType))
		}
	}
	if len(closed) > 0 {
		c.Status, c.Reason = corev1.ConditionFalse, reasonReadinessGates
		c.Message = fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist or is not True.", closed[0])
	}
	return c
}

func isTrue(conditions []corev1.PodCondition, kind corev1.PodConditionType) bool {
	for _, c := range conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

package podsync

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
)

// status returns the pod's status as it is now, before the planned actions.
// See https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/.
func (d *decider) status() corev1.PodStatus {
	s := *d.Pod.Status.DeepCopy()
	s.ObservedGeneration = d.Pod.Generation
	if s.StartTime == nil {
		now := metav1.NewTime(d.Now).Rfc3339Copy()
		s.StartTime = &now
	}
	if s.QOSClass == "" {
		s.QOSClass = kinds.QOSClass(&d.Pod.Spec)
	}
	d.addresses(&s)
	s.InitContainerStatuses = d.containerStatuses(d.Pod.Spec.InitContainers)
	s.ContainerStatuses = d.containerStatuses(d.Pod.Spec.Containers)
	s.EphemeralContainerStatuses = d.containerStatuses(EphemeralContainers(d.Pod))
	for i := range s.EphemeralContainerStatuses { // nobody waits for one to be ready
		s.EphemeralContainerStatuses[i].Ready, s.EphemeralContainerStatuses[i].Started = false, nil
	}
	d.phase(&s)
	d.conditions(&s)
	return s
}

// EphemeralContainers returns copies of a pod's ephemeral containers as ordinary ones.
func EphemeralContainers(pod *corev1.Pod) []corev1.Container {
	var list []corev1.Container
	for i := range pod.Spec.EphemeralContainers {
		list = append(list, corev1.Container(pod.Spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return list
}

func (d *decider) addresses(s *corev1.PodStatus) {
	if len(d.HostIPs) > 0 {
		s.HostIP, s.HostIPs = d.HostIPs[0], nil
		for _, ip := range d.HostIPs {
			s.HostIPs = append(s.HostIPs, corev1.HostIP{IP: ip})
		}
	}
	ips := []string(nil)
	switch {
	case d.sandbox == nil || !d.sandbox.Ready:
		return // the last known address stays
	case d.Pod.Spec.HostNetwork:
		ips = d.HostIPs
	default:
		ips = d.sandbox.IPs
	}
	if len(ips) == 0 {
		return
	}
	s.PodIP, s.PodIPs = ips[0], nil
	for _, ip := range ips {
		s.PodIPs = append(s.PodIPs, corev1.PodIP{IP: ip})
	}
}

// phase sets the phase, and with it the reason and message of a pod that failed
// as a whole. A phase that is final stays.
func (d *decider) phase(s *corev1.PodStatus) {
	over, _ := d.activeDeadline()
	final := s.Phase == corev1.PodFailed || s.Phase == corev1.PodSucceeded
	switch {
	case final:
	case d.Reject != nil:
		s.Phase, s.Reason, s.Message = corev1.PodFailed, d.Reject.Reason, d.Reject.Message
		s.ContainerStatuses, s.InitContainerStatuses, s.EphemeralContainerStatuses = nil, nil, nil
	case over:
		s.Phase, s.Reason, s.Message = corev1.PodFailed, ReasonDeadlineExceeded, messageDeadlineExceeded
	case d.isEnding && !d.anyRunning():
		d.markLost(s)
		s.Phase = finalPhase(s)
	default:
		s.Phase = d.livePhase(s)
	}
}

// anyRunning says whether a container runs, or somebody is at work on one.
func (d *decider) anyRunning() bool {
	for name := range d.Jobs {
		if name != PodJob {
			return true
		}
	}
	return slices.ContainsFunc(d.Containers, func(c Container) bool {
		return c.State == Running || c.State == Unknown
	})
}

// markLost turns containers of an ended pod which never ran, or which the
// runtime has forgotten, into terminated ones.
func (d *decider) markLost(s *corev1.PodStatus) {
	if len(d.Pod.Spec.InitContainers) > 0 && !d.mainExists() {
		return // it never came to them
	}
	for i := range s.ContainerStatuses {
		c := &s.ContainerStatuses[i]
		if c.State.Terminated != nil {
			continue
		}
		if c.State.Waiting != nil && c.LastTerminationState.Terminated != nil {
			c.State = c.LastTerminationState
			c.LastTerminationState = corev1.ContainerState{}
			continue
		}
		c.State = lost()
		c.Ready, c.Started = false, new(bool)
	}
}

func lost() corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(lostExitCode), Reason: ReasonContainerUnknown, Message: messageLost,
	}}
}

// finalPhase is the phase of a pod whose containers have all ended.
func finalPhase(s *corev1.PodStatus) corev1.PodPhase {
	for _, c := range s.ContainerStatuses {
		if t := c.State.Terminated; t == nil || t.ExitCode != 0 {
			return corev1.PodFailed
		}
	}
	return corev1.PodSucceeded
}

// livePhase is the phase of a pod that may go on. It is Pending until every
// container has run once; a container that waits for its next start has.
func (d *decider) livePhase(s *corev1.PodStatus) corev1.PodPhase {
	if allRan(s) {
		return corev1.PodRunning
	}
	return corev1.PodPending
}

func allRan(s *corev1.PodStatus) bool {
	return !slices.ContainsFunc(s.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && c.LastTerminationState.Terminated == nil
	})
}

// incompleteInit names the init containers that have not done their part.
func (d *decider) incompleteInit(s *corev1.PodStatus) []string {
	var names []string
	for i := range d.Pod.Spec.InitContainers {
		c, status := &d.Pod.Spec.InitContainers[i], s.InitContainerStatuses[i]
		done := status.State.Terminated != nil && status.State.Terminated.ExitCode == 0
		if isSidecar(c) {
			done = status.Started != nil && *status.Started || done
		}
		if !done {
			names = append(names, c.Name)
		}
	}
	return names
}

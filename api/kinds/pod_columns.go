package kinds

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
)

func podColumns() []api.Column {
	type pod = *corev1.Pod
	return table(
		text("Ready", "The aggregate readiness state of this pod for accepting traffic.", func(p pod) string {
			return podStateOf(p).ready()
		}),
		text("Status", "The aggregate status of the containers in this pod.", func(p pod) string {
			return podStateOf(p).reason
		}),
		text("Restarts", "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
			func(p pod) string { return podStateOf(p).restartsText() }),
		api.AgeColumn(),
		wide(text("IP", docs(corev1.PodStatus{}, "podIP"), func(p pod) string {
			if len(p.Status.PodIPs) == 0 {
				return none
			}
			return or(p.Status.PodIPs[0].IP, none)
		})),
		wide(text("Node", docs(corev1.PodSpec{}, "nodeName"), func(p pod) string { return or(p.Spec.NodeName, none) })),
		wide(text("Nominated Node", docs(corev1.PodStatus{}, "nominatedNodeName"), func(p pod) string {
			return or(p.Status.NominatedNodeName, none)
		})),
		wide(text("Readiness Gates", docs(corev1.PodSpec{}, "readinessGates"), readinessGatesText)),
	)
}

func readinessGatesText(p *corev1.Pod) string {
	if len(p.Spec.ReadinessGates) == 0 {
		return none
	}
	open := 0
	for _, gate := range p.Spec.ReadinessGates {
		if podCondition(p, gate.ConditionType) {
			open++
		}
	}
	return fmt.Sprintf("%d/%d", open, len(p.Spec.ReadinessGates))
}

func podCondition(p *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// podRowConditions marks the rows of pods that have ended.
func podRowConditions(p *corev1.Pod) []metav1.TableRowCondition {
	if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
		return nil
	}
	message := "The pod has completed successfully."
	if p.Status.Phase == corev1.PodFailed {
		message = "The pod failed."
	}
	return []metav1.TableRowCondition{{
		Type: metav1.RowCompleted, Status: metav1.ConditionTrue,
		Reason: string(p.Status.Phase), Message: message,
	}}
}

// A podState is a pod in the three words people know it by: "1/1 Running 0".
type podState struct {
	containers, readyOnes int
	reason                string
	restarts              int
	lastRestart           metav1.Time
}

func (s podState) ready() string { return fmt.Sprintf("%d/%d", s.readyOnes, s.containers) }

func (s podState) restartsText() string {
	if s.restarts == 0 || s.lastRestart.IsZero() {
		return strconv.Itoa(s.restarts)
	}
	return fmt.Sprintf("%d (%s ago)", s.restarts, api.Age(s.lastRestart))
}

func (s *podState) countRestarts(c corev1.ContainerStatus) {
	s.restarts += int(c.RestartCount)
	if ended := c.LastTerminationState.Terminated; ended != nil && s.lastRestart.Before(&ended.FinishedAt) {
		s.lastRestart = ended.FinishedAt
	}
}

// podStateOf tells what is most worth telling of a pod: what keeps its init
// containers, else what is wrong with a container, else its phase.
func podStateOf(p *corev1.Pod) podState {
	state := podState{containers: len(p.Spec.Containers), reason: or(p.Status.Reason, string(p.Status.Phase))}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated {
			state.reason = corev1.PodReasonSchedulingGated
		}
	}
	initializing := state.lookAtInits(p)
	if !initializing || podCondition(p, corev1.PodInitialized) {
		state.lookAtContainers(p)
	}
	ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	switch {
	case p.DeletionTimestamp == nil:
	case p.Status.Reason == "NodeLost":
		state.reason = "Unknown"
	case !ended:
		state.reason = "Terminating"
	}
	return state
}

// lookAtInits finds the init container at work, and says whether there is one.
// Afterwards restarts holds those of the sidecars alone, unless one is.
func (s *podState) lookAtInits(p *corev1.Pod) (initializing bool) {
	sidecars := map[string]bool{}
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sidecars[c.Name] = true
			s.containers++
		}
	}
	ofSidecars := podState{}
	for i, c := range p.Status.InitContainerStatuses {
		s.countRestarts(c)
		if sidecars[c.Name] {
			ofSidecars.countRestarts(c)
		}
		ended := c.State.Terminated
		switch {
		case ended != nil && ended.ExitCode == 0:
			continue
		case sidecars[c.Name] && isTrue(c.Started):
			if c.Ready {
				s.readyOnes++
			}
			continue
		case ended != nil:
			s.reason = "Init:" + endText(ended)
		case c.State.Waiting != nil && c.State.Waiting.Reason != "" && c.State.Waiting.Reason != "PodInitializing":
			s.reason = "Init:" + c.State.Waiting.Reason
		default:
			s.reason = fmt.Sprintf("Init:%d/%d", i, len(p.Spec.InitContainers))
		}
		initializing = true
		break // what comes after it has not begun
	}
	if !initializing || podCondition(p, corev1.PodInitialized) {
		s.restarts, s.lastRestart = ofSidecars.restarts, ofSidecars.lastRestart
	}
	return initializing
}

func (s *podState) lookAtContainers(p *corev1.Pod) {
	running, failure := false, ""
	for i := len(p.Status.ContainerStatuses) - 1; i >= 0; i-- {
		c := p.Status.ContainerStatuses[i]
		s.countRestarts(c)
		switch ended := c.State.Terminated; {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			s.reason = c.State.Waiting.Reason
		case ended != nil:
			s.reason = endText(ended)
			if ended.ExitCode != 0 {
				failure = s.reason
			}
		case c.Ready && c.State.Running != nil:
			running = true
			s.readyOnes++
		}
	}
	if s.reason != "Completed" {
		return
	}
	// One container is done, which is not the whole story if others are not.
	switch {
	case running && podCondition(p, corev1.PodReady):
		s.reason = "Running"
	case failure != "":
		s.reason = failure
	case running:
		s.reason = "NotReady"
	}
}

func endText(end *corev1.ContainerStateTerminated) string {
	switch {
	case end.Reason != "":
		return end.Reason
	case end.Signal != 0:
		return fmt.Sprintf("Signal:%d", end.Signal)
	default:
		return fmt.Sprintf("ExitCode:%d", end.ExitCode)
	}
}

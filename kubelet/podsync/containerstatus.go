package podsync

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (d *decider) containerStatuses(containers []corev1.Container) []corev1.ContainerStatus {
	var list []corev1.ContainerStatus
	for i := range containers {
		list = append(list, d.containerStatus(&containers[i]))
	}
	return list
}

// containerStatus returns the status of one container. What the runtime has
// forgotten is taken from the API server's copy.
func (d *decider) containerStatus(c *corev1.Container) corev1.ContainerStatus {
	status := corev1.ContainerStatus{Name: c.Name, Image: c.Image, Started: new(bool)}
	old := d.oldStatus(c.Name)
	if old != nil {
		status.RestartCount = old.RestartCount
		status.LastTerminationState = old.LastTerminationState
		status.Resources, status.AllocatedResources = old.Resources, old.AllocatedResources
	}
	last := d.newest(c.Name)
	if last == nil || last.State == Created && last.Attempt == 0 {
		d.unseen(c, &status, old)
		return status
	}
	d.seen(c, &status, last)
	d.setRunning(c, &status, last)
	return status
}

// unseen fills in the status of a container that the runtime does not have: it
// was not started yet, or is lost.
func (d *decider) unseen(c *corev1.Container, status *corev1.ContainerStatus, old *corev1.ContainerStatus) {
	if old != nil && old.State.Terminated != nil && (d.isEnding || d.over(c) || d.initDone(c)) {
		kept := *old.DeepCopy()
		kept.Ready, kept.Started = d.initDone(c), new(bool)
		*status = kept
		return
	}
	if old != nil && old.State.Running != nil {
		gone := lost()
		gone.Terminated.StartedAt = old.State.Running.StartedAt
		gone.Terminated.ContainerID = old.ContainerID
		status.LastTerminationState = gone
	}
	if old != nil && old.State.Terminated != nil {
		status.LastTerminationState = old.State
	}
	status.State = d.waiting(c)
}

// initDone says whether the API server knows of an init container, which the
// runtime does not have, that it is done with in a pod that is past it.
func (d *decider) initDone(c *corev1.Container) bool {
	old := d.oldStatus(c.Name)
	return d.mainExists() && d.isInit(c.Name) && old != nil &&
		old.State.Terminated != nil && old.State.Terminated.ExitCode == 0
}

func (d *decider) isInit(name string) bool {
	for i := range d.Pod.Spec.InitContainers {
		if d.Pod.Spec.InitContainers[i].Name == name {
			return true
		}
	}
	return false
}

// seen fills in what the runtime knows of the newest container.
func (d *decider) seen(c *corev1.Container, status *corev1.ContainerStatus, last *Container) {
	status.ContainerID, status.ImageID = d.reference(last.ID), last.ImageID
	if last.Image != "" {
		status.Image = last.Image
	}
	status.RestartCount = max(status.RestartCount, int32(last.Attempt))
	if list := d.byName[c.Name]; len(list) > 1 && list[1].State == Exited {
		status.LastTerminationState = d.terminated(&list[1])
	}
	switch last.State {
	case Running, Unknown:
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: stamp(last.Started)}
	case Exited:
		status.State = d.terminated(last)
		if d.willRestart(c, last) {
			status.LastTerminationState = status.State
			status.State = d.waiting(c)
		}
	case Created:
		status.State = d.waiting(c)
	}
}

// willRestart says whether a dead container is to be shown as waiting for its
// next start: when that has to wait.
func (d *decider) willRestart(c *corev1.Container, last *Container) bool {
	if d.isEnding {
		return false
	}
	if d.isInit(c.Name) && !isSidecar(c) {
		if !d.restartsInit(c, last.ExitCode) {
			return false
		}
	} else if !d.restarts(c, last.ExitCode) {
		return false
	}
	trouble := d.plan.Memory[c.Name].Trouble
	return trouble != nil || d.backsOff(c.Name)
}

func (d *decider) backsOff(name string) bool {
	for _, other := range d.plan.BackingOff {
		if other == name {
			return true
		}
	}
	return false
}

func (d *decider) setRunning(c *corev1.Container, status *corev1.ContainerStatus, last *Container) {
	resources := c.Resources.DeepCopy()
	switch {
	case status.State.Running != nil:
		*status.Started = d.started(c)
		status.Ready = d.ready(c)
		status.Resources, status.AllocatedResources = resources, resources.Requests
	case d.isInit(c.Name) && last.State == Exited:
		// An init container is ready when it is done.
		status.Ready = last.ExitCode == 0 && !isSidecar(c)
	}
	if len(status.AllocatedResources) == 0 {
		status.AllocatedResources = nil
	}
}

// waiting says what a container that does not run waits for.
func (d *decider) waiting(c *corev1.Container) corev1.ContainerState {
	w := &corev1.ContainerStateWaiting{Reason: ReasonContainerCreating}
	if len(d.Pod.Spec.InitContainers) > 0 && !d.mainExists() {
		w.Reason = ReasonPodInitializing
	}
	memory := d.plan.Memory[c.Name]
	if t := memory.Trouble; t != nil {
		w.Reason, w.Message = t.Reason, t.Message
		if t.Later != "" && !d.Now.Before(t.At.Add(troubleShown)) {
			w.Reason, w.Message = t.Later, d.backoffMessage(c, t, memory)
		}
	} else if d.backsOff(c.Name) {
		w.Reason, w.Message = ReasonCrashLoopBackOff, d.backoffMessage(c, nil, memory)
	}
	return corev1.ContainerState{Waiting: w}
}

func (d *decider) backoffMessage(c *corev1.Container, t *Trouble, m Memory) string {
	if t != nil && t.Later == ReasonImagePullBackOff {
		return fmt.Sprintf("Back-off pulling image %q: %s: %s", c.Image, t.Reason, t.Message)
	}
	return fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
		m.Crash.Delay, c.Name, d.Pod.Name, d.Pod.Namespace, d.Pod.UID)
}

func (d *decider) terminated(c *Container) corev1.ContainerState {
	reason := c.Reason
	if reason == "" {
		reason = ReasonError
		if c.ExitCode == 0 {
			reason = ReasonCompleted
		}
	}
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(c.ExitCode), Reason: reason, Message: c.Message, ContainerID: d.reference(c.ID),
		StartedAt: stamp(c.Started), FinishedAt: stamp(c.Finished),
	}}
}

// reference is a container ID as the API has it: "runtime://id".
func (d *decider) reference(id string) string { return d.Runtime + "://" + id }

// stamp cuts a time to what the API keeps: seconds.
func stamp(t time.Time) metav1.Time {
	if t.IsZero() {
		return metav1.Time{}
	}
	return metav1.NewTime(t).Rfc3339Copy()
}

package podsync

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// newest returns the latest container of a name in any sandbox, or nil.
func (d *decider) newest(name string) *Container {
	if list := d.byName[name]; len(list) > 0 {
		return &list[0]
	}
	return nil
}

// current returns the latest container of a name if it is of the current
// sandbox, or nil.
func (d *decider) current(name string) *Container {
	last := d.newest(name)
	if last == nil || d.sandbox == nil || last.SandboxID != d.sandbox.ID {
		return nil
	}
	return last
}

func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// restarts says whether a container that exited with this code is started
// again: its own rules and policy first (KEP-5307), then the pod's policy.
func (d *decider) restarts(c *corev1.Container, code int) bool {
	for _, rule := range c.RestartPolicyRules {
		if rule.ExitCodes != nil && rule.Action == corev1.ContainerRestartRuleActionRestart {
			listed := slices.Contains(rule.ExitCodes.Values, int32(code))
			if listed == (rule.ExitCodes.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn) {
				return true
			}
		}
	}
	policy := d.Pod.Spec.RestartPolicy
	if c.RestartPolicy != nil {
		policy = corev1.RestartPolicy(*c.RestartPolicy)
	}
	switch policy {
	case corev1.RestartPolicyNever:
		return false
	case corev1.RestartPolicyOnFailure:
		return code != 0
	}
	return true
}

// restartsInit is [decider.restarts] for an init container, for which the
// pod's policy Always means until it succeeds.
func (d *decider) restartsInit(c *corev1.Container, code int) bool {
	return code != 0 && d.restarts(c, code)
}

// over says whether a container has run for the last time. Where the runtime
// has forgotten it, as after a reboot, the API server's word counts.
func (d *decider) over(c *corev1.Container) bool {
	if _, busy := d.Jobs[c.Name]; busy {
		return false
	}
	if last := d.newest(c.Name); last != nil {
		return last.State == Exited && !d.restarts(c, last.ExitCode)
	}
	old := d.oldStatus(c.Name)
	switch {
	case old == nil:
		return false
	case old.State.Terminated != nil:
		return !d.restarts(c, int(old.State.Terminated.ExitCode))
	case old.State.Running != nil:
		return !d.restarts(c, lostExitCode)
	}
	return false
}

// complete says whether the pod has done its work, or never can: all its
// containers are over, or an init container failed for good.
func (d *decider) complete() bool {
	if d.initFailed() {
		return true
	}
	for i := range d.Pod.Spec.Containers {
		if !d.over(&d.Pod.Spec.Containers[i]) {
			return false
		}
	}
	return true
}

func (d *decider) initFailed() bool {
	for i := range d.Pod.Spec.InitContainers {
		c := &d.Pod.Spec.InitContainers[i]
		last := d.newest(c.Name)
		if _, busy := d.Jobs[c.Name]; busy || last == nil || isSidecar(c) {
			continue
		}
		if last.State == Exited && last.ExitCode != 0 && !d.restartsInit(c, last.ExitCode) {
			return true
		}
	}
	return false
}

// mainExists says whether a container other than the init containers exists in
// the current sandbox: then initialisation is behind it.
func (d *decider) mainExists() bool {
	return slices.ContainsFunc(d.Pod.Spec.Containers, func(c corev1.Container) bool {
		return d.current(c.Name) != nil
	})
}

// keepInit runs the init containers one after the other and says whether the
// rest may start. A sidecar counts as done as soon as it has started, and is
// kept running.
func (d *decider) keepInit() bool {
	initialised := d.mainExists()
	for i := range d.Pod.Spec.InitContainers {
		c := &d.Pod.Spec.InitContainers[i]
		switch {
		case isSidecar(c):
			d.keepContainer(c)
			if !initialised && !d.started(c) {
				return false
			}
		case !initialised && !d.keepInitContainer(c):
			return false
		}
	}
	return true
}

// keepInitContainer starts an init container where it has not succeeded yet,
// and says whether it has.
func (d *decider) keepInitContainer(c *corev1.Container) bool {
	last := d.current(c.Name)
	switch {
	case last == nil, last.State == Created:
		d.start(c)
	case last.State == Unknown:
		d.stop(*last, d.Now.Add(d.grace(nil)), "Init container "+c.Name+" is in an unknown state")
	case last.State == Exited && last.ExitCode == 0:
		return true
	case last.State == Exited && d.restartsInit(c, last.ExitCode):
		d.start(c)
	}
	return false
}

// started says whether a container runs and its startup probe and postStart
// hook are done.
func (d *decider) started(c *corev1.Container) bool {
	last := d.current(c.Name)
	if last == nil || last.State != Running {
		return false
	}
	if job, busy := d.Jobs[c.Name]; busy && job.Kind == Starting {
		return false
	}
	return c.StartupProbe == nil || d.Probes[last.ID].Startup == Success
}

// ready says whether a container may be sent traffic.
func (d *decider) ready(c *corev1.Container) bool {
	if !d.started(c) {
		return false
	}
	return c.ReadinessProbe == nil || d.Probes[d.current(c.Name).ID].Readiness == Success
}

// keepEphemeral starts each ephemeral container once.
func (d *decider) keepEphemeral() {
	for _, c := range EphemeralContainers(d.Pod) {
		if old := d.oldStatus(c.Name); d.newest(c.Name) == nil && (old == nil || !everRan(old)) {
			d.start(&c)
		}
	}
}

// oldStatus is what the API server has about a container, or nil.
func (d *decider) oldStatus(name string) *corev1.ContainerStatus {
	s := &d.Pod.Status
	for _, list := range [][]corev1.ContainerStatus{s.ContainerStatuses, s.InitContainerStatuses, s.EphemeralContainerStatuses} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

func everRan(s *corev1.ContainerStatus) bool {
	return s.ContainerID != "" || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil
}

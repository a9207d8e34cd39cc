package podsync

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Decide compares what a pod should be with what it is, and returns the next
// steps and the status. It is a pure function: the same state gives the same
// plan. It returns no step for what a job is already at.
func Decide(s State) Plan {
	d := newDecider(s)
	if end := d.ending(); end != nil {
		d.windDown(*end)
	} else {
		d.keepUp()
	}
	d.collectGarbage()
	d.plan.Status = d.status()
	return d.plan
}

// A decider holds one decision while it is made.
type decider struct {
	State
	plan     Plan
	byName   map[string][]Container // newest first
	sandbox  *Sandbox               // the newest
	isEnding bool
}

func newDecider(s State) *decider {
	d := &decider{State: s, byName: map[string][]Container{}}
	d.plan.Memory = maps.Clone(s.Memory)
	if d.plan.Memory == nil {
		d.plan.Memory = map[string]Memory{}
	}
	for _, c := range s.Containers {
		d.byName[c.Name] = append(d.byName[c.Name], c)
	}
	for _, list := range d.byName {
		slices.SortFunc(list, func(a, b Container) int {
			return cmp.Or(cmp.Compare(b.Attempt, a.Attempt), b.Created.Compare(a.Created))
		})
	}
	d.Sandboxes = slices.Clone(s.Sandboxes)
	slices.SortFunc(d.Sandboxes, func(a, b Sandbox) int {
		return cmp.Or(cmp.Compare(b.Attempt, a.Attempt), b.Created.Compare(a.Created))
	})
	if len(d.Sandboxes) > 0 {
		d.sandbox = &d.Sandboxes[0]
	}
	return d
}

// An end is that a pod is over: until when its containers may take to stop.
type end struct{ deadline time.Time }

// ending says whether the pod must end, whatever its containers do.
func (d *decider) ending() *end {
	grace := d.grace(nil)
	phase := d.Pod.Status.Phase
	switch {
	case d.Pod.DeletionTimestamp != nil:
		since := d.EndingSince
		if since.IsZero() {
			since = d.Now
		}
		if s := d.Pod.DeletionGracePeriodSeconds; s != nil {
			grace = time.Duration(*s) * time.Second
		}
		return &end{since.Add(grace)}
	case d.Reject != nil:
		return &end{d.Now.Add(grace)}
	case phase == corev1.PodFailed || phase == corev1.PodSucceeded:
		return &end{d.Now.Add(grace)}
	}
	if over, at := d.activeDeadline(); over {
		return &end{at.Add(grace)}
	}
	if d.complete() {
		return &end{d.Now.Add(grace)}
	}
	return nil
}

// activeDeadline says whether the pod has been active for too long, and when
// that was. It sees to it that the deadline is not slept through.
func (d *decider) activeDeadline() (bool, time.Time) {
	seconds, start := d.Pod.Spec.ActiveDeadlineSeconds, d.Pod.Status.StartTime
	if seconds == nil || start == nil {
		return false, time.Time{}
	}
	at := start.Add(time.Duration(*seconds) * time.Second)
	if d.Now.Before(at) {
		d.wakeAt(at)
		return false, at
	}
	return true, at
}

// grace is how long a container may take to stop: what its failed probe says,
// or what the pod says.
func (d *decider) grace(probe *corev1.Probe) time.Duration {
	seconds := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if s := d.Pod.Spec.TerminationGracePeriodSeconds; s != nil {
		seconds = *s
	}
	if probe != nil && probe.TerminationGracePeriodSeconds != nil {
		seconds = *probe.TerminationGracePeriodSeconds
	}
	return time.Duration(seconds) * time.Second
}

// windDown stops what runs: first the containers, then the sidecars, the last
// one first (KEP-753), then the sandbox.
func (d *decider) windDown(e end) {
	d.isEnding = true
	for _, name := range slices.Sorted(maps.Keys(d.Jobs)) {
		if kind := d.Jobs[name].Kind; kind == Starting || kind == Preparing {
			d.do(Cancel{name})
		}
	}
	if d.stopMain(e) || d.stopSidecars(e) || len(d.Jobs) > 0 {
		return
	}
	for _, s := range d.Sandboxes {
		if s.Ready {
			d.tryPod(StopSandbox{s.ID})
			return
		}
	}
	d.plan.Stopped = true
}

// stopMain stops all but the sidecars and says whether one still runs.
func (d *decider) stopMain(e end) bool {
	running := false
	for _, name := range slices.Sorted(maps.Keys(d.byName)) {
		if d.isSidecar(name) {
			continue
		}
		running = d.stopByName(name, e) || running
	}
	return running
}

func (d *decider) stopSidecars(e end) bool {
	for _, c := range slices.Backward(d.Pod.Spec.InitContainers) {
		if isSidecar(&c) && d.stopByName(c.Name, e) {
			return true
		}
	}
	return false
}

func (d *decider) isSidecar(name string) bool {
	return slices.ContainsFunc(d.Pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && isSidecar(&c)
	})
}

// stopByName stops the running containers of a name and says whether there are
// any.
func (d *decider) stopByName(name string, e end) bool {
	running := false
	for _, c := range d.byName[name] {
		if c.State == Running || c.State == Unknown {
			running = true
			d.stop(c, e.deadline, "Stopping container "+name)
		}
	}
	return running
}

// stop plans to stop a container by a deadline, unless a job is already at it
// and no later.
func (d *decider) stop(c Container, deadline time.Time, why string) {
	if job, ok := d.Jobs[c.Name]; ok {
		if job.Kind != Stopping || !deadline.Before(job.Deadline) {
			return
		}
	}
	if d.waits(c.Name) {
		return
	}
	d.do(StopContainer{ID: c.ID, Name: c.Name, Grace: max(0, deadline.Sub(d.Now)), Why: why})
}

// keepUp brings a pod that should run one step further.
func (d *decider) keepUp() {
	if !d.Prepared {
		d.tryPod(Prepare{})
		return
	}
	if d.sandbox == nil || !d.sandbox.Ready {
		d.renewSandbox()
		return
	}
	initialised := d.keepInit()
	d.keepEphemeral()
	if !initialised {
		return
	}
	for i := range d.Pod.Spec.Containers {
		d.keepContainer(&d.Pod.Spec.Containers[i])
	}
}

// renewSandbox makes a sandbox where there is none or its processes are gone.
// What still runs in the old one ends first: it has lost its network.
func (d *decider) renewSandbox() {
	if d.sandbox == nil {
		d.tryPod(CreateSandbox{})
		return
	}
	e := end{d.Now.Add(d.grace(nil))}
	if d.stopMain(e) || d.stopSidecars(e) || len(d.Jobs) > 0 {
		return
	}
	d.tryPod(CreateSandbox{Attempt: d.sandbox.Attempt + 1, Replaces: d.sandbox.ID})
}

// keepContainer starts a container that should run, and stops one that should
// not go on as it is.
func (d *decider) keepContainer(c *corev1.Container) {
	last := d.current(c.Name)
	switch {
	case last == nil, last.State == Created:
		if !d.over(c) {
			d.start(c)
		}
	case last.State == Running:
		d.check(c, last)
	case last.State == Unknown:
		d.stop(*last, d.Now.Add(d.grace(nil)), fmt.Sprintf("Container %s is in an unknown state, will be restarted", c.Name))
	case d.restarts(c, last.ExitCode):
		d.start(c)
	}
}

// check stops a running container whose image changed or whose probes fail.
func (d *decider) check(c *corev1.Container, running *Container) {
	probes := d.Probes[running.ID]
	switch {
	case running.Hash != "" && running.Hash != Hash(c):
		d.stop(*running, d.Now.Add(d.grace(nil)), fmt.Sprintf("Container %s definition changed, will be restarted", c.Name))
	case probes.Startup == Failure:
		d.stop(*running, d.Now.Add(d.grace(c.StartupProbe)), fmt.Sprintf("Container %s failed startup probe%s", c.Name, d.consequence(c)))
	case probes.Liveness == Failure:
		d.stop(*running, d.Now.Add(d.grace(c.LivenessProbe)), fmt.Sprintf("Container %s failed liveness probe%s", c.Name, d.consequence(c)))
	}
}

func (d *decider) consequence(c *corev1.Container) string {
	if d.restarts(c, 137) {
		return ", will be restarted"
	}
	return ""
}

// start plans to start a container, unless it is being started, or must wait.
func (d *decider) start(c *corev1.Container) {
	if _, busy := d.Jobs[c.Name]; busy {
		return
	}
	memory := d.plan.Memory[c.Name]
	if hash := Hash(c); memory.Hash != hash {
		memory = Memory{Hash: hash}
	}
	defer func() { d.plan.Memory[c.Name] = memory }()
	d.plan.Memory[c.Name] = memory
	if d.waits(c.Name) {
		return
	}
	last := d.newest(c.Name)
	if last != nil && last.State == Exited && last.Hash == memory.Hash {
		if until := memory.Crash.Until(last.Finished); d.Now.Before(until) {
			d.plan.BackingOff = append(d.plan.BackingOff, c.Name)
			d.wakeAt(until)
			return
		}
		if memory.Trouble == nil { // a failed start has lengthened it already
			memory.Crash = memory.Crash.Next(last.Finished, d.Now)
		}
	}
	d.do(StartContainer{Name: c.Name, SandboxID: d.sandbox.ID, Attempt: d.nextAttempt(c.Name)})
}

// nextAttempt is one more than all containers of this name had, those which
// only the API server remembers included, so that restartCount never falls.
func (d *decider) nextAttempt(name string) int {
	next := 0
	if last := d.newest(name); last != nil {
		next = last.Attempt + 1
	}
	if old := d.oldStatus(name); old != nil && everRan(old) {
		next = max(next, int(old.RestartCount)+1)
	}
	return next
}

// waits says whether an earlier failure forbids to try now.
func (d *decider) waits(name string) bool {
	trouble := d.plan.Memory[name].Trouble
	if trouble == nil || !d.Now.Before(trouble.RetryAt) {
		return false
	}
	d.wakeAt(trouble.RetryAt)
	if shown := trouble.At.Add(troubleShown); d.Now.Before(shown) {
		d.wakeAt(shown)
	}
	return true
}

func (d *decider) do(a Action) { d.plan.Actions = append(d.plan.Actions, a) }

// tryPod does what concerns the pod as a whole, one thing at a time.
func (d *decider) tryPod(a Action) {
	if _, busy := d.Jobs[PodJob]; !busy && !d.waits(PodJob) {
		d.do(a)
	}
}

func (d *decider) wakeAt(t time.Time) {
	if d.plan.Wake.IsZero() || t.Before(d.plan.Wake) {
		d.plan.Wake = t
	}
}

// collectGarbage keeps the two newest containers of each name, the second for
// "logs --previous", and of the sandboxes those that have containers.
func (d *decider) collectGarbage() {
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(d.byName)) {
		for i, c := range d.byName[name] {
			if i >= 2 && c.State != Running {
				d.do(RemoveContainer{ID: c.ID, Name: c.Name})
			} else {
				used[c.SandboxID] = true
			}
		}
	}
	for _, s := range d.Sandboxes {
		if s.ID != d.sandbox.ID && !s.Ready && !used[s.ID] {
			d.do(RemoveSandbox{s.ID})
		}
	}
}

package kubelet

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
	"github.com/coracle-k8s/coracle/kubelet/probe"
)

// probers are the probes of one running container, by kind.
type probers struct{ stop map[string]context.CancelFunc }

// The kinds of probes, as events name them.
const (
	startupProbe   = "Startup"
	livenessProbe  = "Liveness"
	readinessProbe = "Readiness"
)

// probe starts the probes of containers that run, and stops those of containers
// that do not. The startup probe holds back the others. A pod that is deleted is
// only asked whether it is ready.
func (w *worker) probe(ctx context.Context, seen observation) {
	running := map[string]bool{}
	for _, c := range seen.containers {
		spec := containerOf(w.pod, c.Name)
		if c.State != podsync.Running || spec == nil || w.busyStopping(c.Name) && w.pod.DeletionTimestamp == nil {
			continue
		}
		running[c.ID] = true
		w.probeContainer(ctx, c, spec)
	}
	for id, p := range w.probers {
		if !running[id] {
			for _, stop := range p.stop {
				stop()
			}
			delete(w.probers, id)
		}
	}
}

func (w *worker) busyStopping(name string) bool {
	j := w.jobs[name]
	return j != nil && j.Kind == podsync.Stopping
}

func (w *worker) probeContainer(ctx context.Context, c podsync.Container, spec *corev1.Container) {
	p := w.probers[c.ID]
	if p == nil {
		p = &probers{stop: map[string]context.CancelFunc{}}
		w.probers[c.ID] = p
	}
	want := map[string]*corev1.Probe{readinessProbe: spec.ReadinessProbe}
	if w.pod.DeletionTimestamp == nil {
		want[startupProbe], want[livenessProbe] = spec.StartupProbe, spec.LivenessProbe
	}
	if spec.StartupProbe != nil && w.result(c.ID).Startup != podsync.Success && !w.wasStarted(c) {
		delete(want, livenessProbe)
		delete(want, readinessProbe)
	}
	for _, kind := range []string{startupProbe, livenessProbe, readinessProbe} {
		switch definition, running := want[kind], p.stop[kind]; {
		case definition == nil && running != nil && w.pod.DeletionTimestamp != nil:
			running()
		case definition != nil && running == nil:
			p.stop[kind] = w.startProbe(ctx, kind, c, spec, definition)
		}
	}
}

func (w *worker) result(id string) podsync.Probes {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.probes[id]
}

// wasStarted says whether an earlier kubelet saw the container pass its startup
// probe; then it is not asked again. It takes that result over.
func (w *worker) wasStarted(c podsync.Container) bool {
	old := w.knownStatus(c)
	if old == nil || old.Started == nil || !*old.Started {
		return false
	}
	w.setResult(c.ID, startupProbe, podsync.Success)
	return true
}

// knownStatus is what the API server has about this very container, or nil.
func (w *worker) knownStatus(c podsync.Container) *corev1.ContainerStatus {
	w.mu.Lock()
	status := &w.latest.Status
	w.mu.Unlock()
	for _, list := range [][]corev1.ContainerStatus{status.ContainerStatuses, status.InitContainerStatuses} {
		for i := range list {
			if list[i].Name == c.Name && list[i].ContainerID == w.k.runtimeName()+"://"+c.ID {
				return &list[i]
			}
		}
	}
	return nil
}

// startProbe starts one probe of a container. A container that an earlier
// kubelet found ready stays so until asked.
func (w *worker) startProbe(ctx context.Context, kind string, c podsync.Container, spec *corev1.Container, definition *corev1.Probe) context.CancelFunc {
	ctx, cancel := context.WithCancel(ctx)
	initial := probe.Unknown
	switch kind {
	case livenessProbe:
		initial = probe.Success
	case readinessProbe:
		initial = probe.Failure
		if old := w.knownStatus(c); old != nil && old.Ready {
			initial = probe.Success
		}
	}
	w.setResult(c.ID, kind, podsync.Result(initial))
	pod := w.pod.DeepCopy()
	loop := &probe.Loop{
		Prober:  w.k.prober,
		Target:  probe.Target{ContainerID: c.ID, IP: pod.Status.PodIP, Container: spec},
		Probe:   definition,
		Started: c.Started,
		Initial: initial,
		Report: func(r probe.Result, _ probe.Outcome) bool {
			w.setResult(c.ID, kind, podsync.Result(r))
			w.wake()
			return kind == readinessProbe || kind == livenessProbe && r != probe.Failure
		},
		Failed: func(o probe.Outcome) {
			w.k.event(pod, corev1.EventTypeWarning, "Unhealthy", "%s probe failed: %s", kind, o.Message)
		},
	}
	w.wg.Go(func() { loop.Run(ctx) })
	return cancel
}

func (w *worker) setResult(id, kind string, r podsync.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.probes[id]
	switch kind {
	case startupProbe:
		p.Startup = r
	case livenessProbe:
		p.Liveness = r
	case readinessProbe:
		p.Readiness = r
	}
	w.probes[id] = p
}

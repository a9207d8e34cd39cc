package kubelet

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// perform starts an action as a job, or does it at once if it is a small one.
func (w *worker) perform(ctx context.Context, action podsync.Action) {
	pod := w.pod.DeepCopy()
	switch a := action.(type) {
	case podsync.Prepare:
		w.start(ctx, a, podsync.Job{Kind: podsync.Preparing}, "FailedMount", func(ctx context.Context) error {
			err := w.k.volumes.SetUp(ctx, pod)
			if err != nil && ctx.Err() == nil {
				w.k.event(pod, corev1.EventTypeWarning, "FailedMount", "%v", err)
			}
			return err
		}, func() { w.prepared = true })
	case podsync.CreateSandbox:
		w.start(ctx, a, podsync.Job{Kind: podsync.Preparing}, "FailedCreatePodSandBox", func(ctx context.Context) error {
			err := w.k.createSandbox(ctx, pod, a.Attempt, a.Replaces)
			if err != nil && ctx.Err() == nil {
				w.k.event(pod, corev1.EventTypeWarning, "FailedCreatePodSandBox", "Failed to create pod sandbox: %v", err)
			}
			return err
		}, nil)
	case podsync.StopSandbox:
		w.start(ctx, a, podsync.Job{Kind: podsync.Stopping}, "FailedKillPod", func(ctx context.Context) error {
			_, err := w.k.rt.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: a.ID})
			return err
		}, nil)
	case podsync.StartContainer:
		c := containerOf(pod, a.Name)
		w.start(ctx, a, podsync.Job{Kind: podsync.Starting}, podsync.ReasonRunContainerError, func(ctx context.Context) error {
			return w.k.startContainer(ctx, pod, c, a.SandboxID, a.Attempt)
		}, nil)
	case podsync.StopContainer:
		w.stop(ctx, pod, a)
	case podsync.Cancel:
		w.jobs[a.Name].cancel()
	case podsync.RemoveContainer:
		if _, err := w.k.rt.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: a.ID}); err != nil {
			w.log.Warn("remove container", "container", a.Name, "err", err)
			return
		}
		w.forget(a.ID)
	case podsync.RemoveSandbox:
		if _, err := w.k.rt.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: a.ID}); err != nil {
			w.log.Warn("remove sandbox", "err", err)
		}
	}
}

// stop starts to stop a container. A stop that is under way with more time than
// this one gives way to it.
func (w *worker) stop(ctx context.Context, pod *corev1.Pod, a podsync.StopContainer) {
	if old := w.jobs[a.Name]; old != nil {
		old.cancel()
	} else {
		w.k.event(pod, corev1.EventTypeNormal, "Killing", "%s", a.Why)
	}
	c := containerOf(pod, a.Name)
	deadline := time.Now().Add(a.Grace)
	w.start(ctx, a, podsync.Job{Kind: podsync.Stopping, Deadline: deadline}, "KillContainerError", func(ctx context.Context) error {
		return w.k.stopContainer(ctx, pod, c, a.ID, a.Grace)
	}, nil)
}

// start runs an action as a job of its target. Its end, in the worker's
// goroutine, is remembered: a failure by its reason, so that it is not tried
// again too soon.
func (w *worker) start(ctx context.Context, action podsync.Action, kind podsync.Job, reason string, do func(context.Context) error, succeeded func()) {
	ctx, cancel := context.WithCancel(ctx)
	j := &job{Job: kind, cancel: cancel}
	target := action.Target()
	w.jobs[target] = j
	w.spawn(func() func() {
		err := do(ctx)
		canceled := ctx.Err() != nil
		cancel()
		return func() {
			if w.jobs[target] == j {
				delete(w.jobs, target)
			}
			switch {
			case err == nil:
				w.memory[target] = w.memory[target].Succeeded()
				if succeeded != nil {
					succeeded()
				}
			case !canceled:
				w.log.Info("action failed", "action", action.String(), "err", err)
				if specific, ok := errors.AsType[*startError](err); ok {
					reason = specific.reason
				}
				w.memory[target] = w.memory[target].Failed(reason, err.Error(), time.Now())
			}
		}
	})
}

// forget drops what is remembered of a container that is no more.
func (w *worker) forget(id string) {
	delete(w.messages, id)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.probes, id)
}

// complainEvery is how often the event of a long back-off is repeated.
const complainEvery = 5 * time.Minute

// complain sends the events of back-off.
func (w *worker) complain(plan podsync.Plan) {
	waiting := map[string]string{}
	for _, name := range plan.BackingOff {
		waiting[name] = "Back-off restarting failed container " + name
	}
	for name, memory := range plan.Memory {
		c := containerOf(w.pod, name)
		if c != nil && memory.Trouble != nil && memory.Trouble.Later == podsync.ReasonImagePullBackOff {
			waiting[name] = "Back-off pulling image \"" + c.Image + "\""
		}
	}
	for name := range w.complained {
		if _, still := waiting[name]; !still {
			delete(w.complained, name)
		}
	}
	for name, message := range waiting {
		if last, ok := w.complained[name]; !ok || time.Since(last) >= complainEvery {
			w.complained[name] = time.Now()
			w.k.event(w.pod, corev1.EventTypeWarning, "BackOff", "%s in pod %s_%s(%s)", message, w.pod.Name, w.pod.Namespace, w.uid)
		}
	}
}

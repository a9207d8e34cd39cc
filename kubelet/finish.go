package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// finishRetry is when to try again what could not be taken away.
const finishRetry = 5 * time.Second

// A finisher takes away what is left of a deleted pod. It belongs to the
// worker's goroutine.
type finisher struct {
	busy, done bool
	retry      time.Time
}

// finish takes a deleted pod away once nothing of it runs and the API server
// knows its last status, so that whoever watches sees how it ended before it is
// gone. It returns when to try again after a failure.
func (w *worker) finish(ctx context.Context, plan podsync.Plan) time.Time {
	f := &w.finishing
	gone := w.goneForGood()
	ready := plan.Stopped && w.pod.DeletionTimestamp != nil && !f.busy && !w.volumes.busy && !w.status.busy
	if !ready || !gone && !w.status.upToDate(w.pod) {
		return time.Time{}
	}
	if time.Now().Before(f.retry) {
		return f.retry
	}
	f.busy = true
	pod := w.pod.DeepCopy()
	w.spawn(func() func() {
		err := w.k.remove(ctx, pod, gone)
		return func() {
			f.busy, f.done = false, err == nil
			if err != nil && ctx.Err() == nil {
				w.log.Warn("remove pod", "err", err)
				f.retry = time.Now().Add(finishRetry)
			}
		}
	})
	return time.Time{}
}

// remove takes away a pod of which nothing runs: its volumes, its object, then
// what the runtime and the disk have of it. Logs can be read until the object
// is gone.
func (k *Kubelet) remove(ctx context.Context, pod *corev1.Pod, gone bool) error {
	if err := k.volumes.TearDown(pod.UID); err != nil {
		return err
	}
	if !gone {
		err := client.For[*corev1.Pod](k.cfg.Client).Delete(ctx, pod.Namespace, pod.Name,
			client.GracePeriod(0), client.Precondition(pod.UID, ""))
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return err
		}
	}
	return errors.Join(k.removeFromRuntime(ctx, pod.UID), os.RemoveAll(k.logDir(pod)))
}

// removeFromRuntime removes all sandboxes and containers of a pod.
func (k *Kubelet) removeFromRuntime(ctx context.Context, uid types.UID) error {
	seen, err := k.observe(ctx, uid)
	if err != nil {
		return err
	}
	for _, c := range seen.containers {
		if _, err := k.rt.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: c.ID}); err != nil {
			return fmt.Errorf("remove container %s: %w", c.Name, err)
		}
	}
	for _, s := range seen.sandboxes {
		if _, err := k.rt.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: s.ID}); err != nil {
			return fmt.Errorf("remove sandbox %s: %w", s.ID, err)
		}
	}
	return nil
}

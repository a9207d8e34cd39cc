package scheduler

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
)

const (
	// maxBinding is how many binding requests may be under way at once.
	maxBinding = 64
	// maxPreBind is how long all PreBinders may take for one pod.
	maxPreBind = 10 * time.Minute
)

// A PreBinder is a plugin with something to do between the decision and the
// binding, such as having a volume made on the node. It may block, and is called
// for several pods at once; an error, or the end of ctx, sends the pod back to
// the queue.
type PreBinder interface {
	Plugin
	PreBind(ctx context.Context, pod *corev1.Pod, node string) error
}

// bind makes the decision known to everybody. If that fails, nothing was decided.
func (s *Scheduler) bind(ctx context.Context, info *PodInfo, node string) {
	err := s.preBind(ctx, info.Pod, node)
	if err == nil {
		err = s.request(ctx, info.Pod, node)
	}
	if err == nil {
		s.queue.Done(info.UID)
		s.recorder.Eventf(info.Pod, corev1.EventTypeNormal, "Scheduled",
			"Successfully assigned %s/%s to %s", info.Namespace, info.Name, node)
		return
	}
	if ctx.Err() != nil {
		return
	}
	s.cfg.Logger.Warn("bind pod", "pod", info.Namespace+"/"+info.Name, "node", node, "error", err)
	s.cache.Forget(info)
	s.queue.Changed(PodDeleted) // What it would have used is free again.
	s.queue.Failed(info.UID)
	if s.queue.Has(info.UID) {
		s.report(ctx, info.Pod, corev1.PodReasonSchedulerError, "binding to "+node+": "+err.Error())
	}
}

// request is the binding itself.
func (s *Scheduler) request(ctx context.Context, pod *corev1.Pod, node string) error {
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.places }()
	return client.Bind(ctx, s.cfg.Client, pod, node)
}

func (s *Scheduler) preBind(ctx context.Context, pod *corev1.Pod, node string) error {
	ctx, cancel := context.WithTimeout(ctx, maxPreBind)
	defer cancel()
	for _, p := range s.cfg.Profile {
		if pre, ok := p.(PreBinder); ok {
			if err := pre.PreBind(ctx, pod, node); err != nil {
				return err
			}
		}
	}
	return nil
}

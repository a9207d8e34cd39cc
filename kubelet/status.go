package kubelet

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/client"
)

// writeRetry is when to try again to reach an API server that did not answer.
const writeRetry = 2 * time.Second

// errReplaced says that the API server has another pod of the same name.
var errReplaced = errors.New("the pod was replaced by another of its name")

// A statusWriter writes a pod's status, one write at a time. It belongs to the
// worker's goroutine.
type statusWriter struct {
	seen    *corev1.Pod       // the pod the API server had at the last step
	written *corev1.PodStatus // the last status that the API server took
	busy    bool
	retry   time.Time
}

// writeStatus starts to write the pod's status if it differs from what the API
// server has. It returns when to try again after a failure.
func (w *worker) writeStatus(ctx context.Context) time.Time {
	s := &w.status
	if s.busy || w.goneForGood() || s.upToDate(w.pod) {
		return time.Time{}
	}
	if now := time.Now(); now.Before(s.retry) {
		return s.retry
	}
	s.busy = true
	pod := w.pod.DeepCopy()
	w.spawn(func() func() {
		err := w.k.writeStatus(ctx, pod)
		return func() { w.wroteStatus(ctx, &pod.Status, err) }
	})
	return time.Time{}
}

func (w *worker) wroteStatus(ctx context.Context, status *corev1.PodStatus, err error) {
	s := &w.status
	s.busy, s.retry = false, time.Time{}
	switch {
	case err == nil:
		s.written = status
	case apierrors.IsNotFound(err), errors.Is(err, errReplaced):
		s.written = status
		w.mu.Lock()
		w.gone = true
		w.mu.Unlock()
		w.wake()
	case ctx.Err() == nil:
		w.log.Warn("write status", "err", err)
		s.retry = time.Now().Add(writeRetry)
	}
}

// upToDate says whether the API server has the pod's status, as far as it is
// the kubelet's.
func (s *statusWriter) upToDate(pod *corev1.Pod) bool {
	if s.written != nil && equality.Semantic.DeepEqual(s.written, &pod.Status) {
		return true
	}
	merged := s.seen.Status.DeepCopy()
	mergeStatus(merged, &pod.Status)
	return equality.Semantic.DeepEqual(merged, &s.seen.Status)
}

// goneForGood says whether there is nothing left to write a status to.
func (w *worker) goneForGood() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}

// writeStatus writes a pod's status over the network. It changes the fields
// that are the kubelet's and leaves those of others.
func (k *Kubelet) writeStatus(ctx context.Context, pod *corev1.Pod) error {
	_, err := client.For[*corev1.Pod](k.cfg.Client).ModifyStatus(ctx, pod.Namespace, pod.Name, func(live *corev1.Pod) error {
		if live.UID != pod.UID {
			return errReplaced
		}
		mergeStatus(&live.Status, &pod.Status)
		return nil
	})
	return err
}

// ownConditions are the conditions that the kubelet decides upon.
var ownConditions = [...]corev1.PodConditionType{
	corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
}

// mergeStatus puts the kubelet's part of ours into the API server's copy. A
// phase that is final there stays: somebody else has ended the pod.
func mergeStatus(theirs, ours *corev1.PodStatus) {
	merged := *ours.DeepCopy()
	if final(theirs.Phase) && !final(ours.Phase) {
		merged.Phase, merged.Reason, merged.Message = theirs.Phase, theirs.Reason, theirs.Message
	}
	if merged.Reason == "" && merged.Message == "" { // the kubelet has nothing to say
		merged.Reason, merged.Message = theirs.Reason, theirs.Message
	}
	merged.Conditions = mergeConditions(theirs.Conditions, ours.Conditions)
	merged.NominatedNodeName = theirs.NominatedNodeName
	merged.Resize = theirs.Resize
	merged.ResourceClaimStatuses = theirs.ResourceClaimStatuses
	merged.ExtendedResourceClaimStatus = theirs.ExtendedResourceClaimStatus
	*theirs = merged
}

func final(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

func mergeConditions(theirs, ours []corev1.PodCondition) []corev1.PodCondition {
	own := func(c corev1.PodCondition) bool { return slices.Contains(ownConditions[:], c.Type) }
	var merged []corev1.PodCondition
	for _, c := range ours {
		if own(c) {
			merged = append(merged, c)
		}
	}
	for _, c := range theirs {
		if !own(c) {
			merged = append(merged, c)
		}
	}
	return merged
}

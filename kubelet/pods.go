package kubelet

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// podsChanged makes runPods look at all pods again, soon.
func (k *Kubelet) podsChanged() {
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

// runPods keeps one worker for each pod of the node, from when the API server
// has told of all of them.
func (k *Kubelet) runPods(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	for _, synced := range []<-chan struct{}{k.pods.Synced(), k.services.Synced()} {
		select {
		case <-synced:
		case <-ctx.Done():
			return nil
		}
	}
	running, err := k.runningPods(ctx)
	for ; err != nil; running, err = k.runningPods(ctx) {
		k.log.Warn("runtime does not answer", "err", err)
		if sleep(ctx, observeRetry) != nil {
			return nil
		}
	}
	k.dispatch(ctx, &workers, running)
	k.removeOrphanFolders()
	for {
		select {
		case <-k.dirty:
			k.dispatch(ctx, &workers, nil)
		case <-ctx.Done():
			return nil
		}
	}
}

// dispatch starts a worker for each pod that has none, and tells the others of
// their pods' changes. Pods that run already are never rejected; those that run
// and are unknown to the API server are stopped.
func (k *Kubelet) dispatch(ctx context.Context, workers *sync.WaitGroup, running map[types.UID]*corev1.Pod) {
	pods := k.pods.List("", nil)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(
			-cmp.Compare(toInt(running[a.UID] != nil), toInt(running[b.UID] != nil)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	known := map[types.UID]bool{}
	for _, pod := range pods {
		known[pod.UID] = true
		if w := k.worker(pod.UID); w != nil {
			w.update(pod)
		} else {
			k.startWorker(ctx, workers, pod, running[pod.UID] != nil)
		}
	}
	for uid, pod := range running {
		if !known[uid] && k.worker(uid) == nil {
			k.startWorker(ctx, workers, pod, true)
			k.worker(uid).update(nil)
		}
	}
	for _, w := range k.allWorkers() {
		if !known[w.uid] {
			w.update(nil)
		}
	}
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (k *Kubelet) startWorker(ctx context.Context, workers *sync.WaitGroup, pod *corev1.Pod, running bool) {
	w := k.newWorker(pod)
	if !running && pod.DeletionTimestamp == nil && !final(pod.Status.Phase) && pod.Status.StartTime == nil {
		w.reject = admit(pod, k.activePods(), k.allocatable(), operatingSystem)
		if w.reject != nil {
			k.event(pod, corev1.EventTypeWarning, w.reject.Reason, "%s", w.reject.Message)
		}
	}
	k.mu.Lock()
	k.workers[pod.UID] = w
	k.mu.Unlock()
	workers.Go(func() {
		w.run(ctx)
		k.mu.Lock()
		delete(k.workers, pod.UID)
		k.mu.Unlock()
		k.podsChanged()
	})
}

func (k *Kubelet) worker(uid types.UID) *worker {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.workers[uid]
}

func (k *Kubelet) allWorkers() []*worker {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []*worker
	for _, w := range k.workers {
		all = append(all, w)
	}
	return all
}

// activePods are the pods that take up room on the node.
func (k *Kubelet) activePods() []*corev1.Pod {
	var active []*corev1.Pod
	for _, w := range k.allWorkers() {
		if pod, _ := w.view(); w.reject == nil && !final(pod.Status.Phase) {
			active = append(active, pod)
		}
	}
	return active
}

// runningPods are the pods that the runtime has, as far as it knows them.
func (k *Kubelet) runningPods(ctx context.Context) (map[types.UID]*corev1.Pod, error) {
	list, err := k.rt.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return nil, fmt.Errorf("list sandboxes: %w", err)
	}
	pods := map[types.UID]*corev1.Pod{}
	for _, s := range list.Items {
		if uid := types.UID(s.Labels[labelPodUID]); uid != "" {
			pods[uid] = orphan(s.Labels)
		}
	}
	return pods, nil
}

// removeOrphanFolders removes folders of pods that are gone since this node's
// last kubelet ended.
func (k *Kubelet) removeOrphanFolders() {
	entries, err := os.ReadDir(k.volumes.Dir)
	if err != nil {
		k.log.Warn("look for left-over volumes", "err", err)
	}
	for _, e := range entries {
		if uid := types.UID(e.Name()); k.worker(uid) == nil {
			if err := k.volumes.TearDown(uid); err != nil {
				k.log.Warn("remove left-over volumes", "err", err)
			}
		}
	}
}

// stopTimeout is for how long the end of Run waits for pods beyond their grace.
const stopTimeout = 10 * time.Second

// stopAll stops and removes every pod of the node. It is for the end of Run.
func (k *Kubelet) stopAll(ctx context.Context) {
	running, err := k.runningPods(ctx)
	if err != nil {
		k.log.Warn("stop pods", "err", err)
	}
	var pods sync.WaitGroup
	for uid, pod := range running {
		grace := corev1.DefaultTerminationGracePeriodSeconds * time.Second
		for _, known := range k.pods.List(pod.Namespace, nil) {
			if known.UID == uid {
				grace = time.Duration(graceSeconds(known)) * time.Second
			}
		}
		pods.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, grace+stopTimeout)
			defer cancel()
			if err := k.stopPod(ctx, pod, grace); err != nil {
				k.log.Warn("stop pod", "pod", pod.Name, "err", err)
			}
		})
	}
	pods.Wait()
}

func (k *Kubelet) stopPod(ctx context.Context, pod *corev1.Pod, grace time.Duration) error {
	seen, err := k.observe(ctx, pod.UID)
	if err != nil {
		return err
	}
	var containers sync.WaitGroup
	for _, c := range seen.containers {
		containers.Go(func() {
			if err := k.stopContainer(ctx, pod, nil, c.ID, grace); err != nil {
				k.log.Warn("stop container", "container", c.Name, "err", err)
			}
		})
	}
	containers.Wait()
	for _, s := range seen.sandboxes {
		if _, err := k.rt.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: s.ID}); err != nil {
			return err
		}
	}
	return k.remove(ctx, pod, true)
}

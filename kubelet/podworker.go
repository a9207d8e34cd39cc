package kubelet

import (
	"context"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// observeRetry is when to ask a runtime again that did not answer.
const observeRetry = 2 * time.Second

// A worker looks after one pod, in one goroutine:
//
//	          ┌──────────────────────────────────────────────┐
//	poked ──▶ apply results ──▶ observe ──▶ Decide ──▶ start jobs, write status
//	 ▲                                                        │
//	 └── pod changed, container died, probe, job done, timer ◀┘
//
// Jobs run in goroutines of their own and hand back a function, which the
// worker's goroutine calls: all state but the first group belongs to it alone.
type worker struct {
	k    *Kubelet
	uid  types.UID
	log  *slog.Logger
	poke chan struct{} // buffered: one is enough to look at everything

	mu      sync.Mutex // guards the fields of this group
	latest  *corev1.Pod
	gone    bool // the API server no longer has the pod
	results []func()
	probes  map[string]podsync.Probes
	changed bool // an object that the pod refers to
	shown   *corev1.Pod
	logs    map[string]string

	pod         *corev1.Pod // latest, with the status as this kubelet knows it
	reject      *podsync.Rejection
	endingSince time.Time
	prepared    bool
	jobs        map[string]*job
	memory      map[string]podsync.Memory
	probers     map[string]*probers
	messages    map[string]string // termination messages by container ID
	held        map[reference]func()
	complained  map[string]time.Time
	status      statusWriter
	volumes     refresher
	finishing   finisher
	wg          sync.WaitGroup // jobs and probers
}

// A job is an action under way.
type job struct {
	podsync.Job
	cancel context.CancelFunc
}

func (k *Kubelet) newWorker(pod *corev1.Pod) *worker {
	return &worker{
		k: k, uid: pod.UID, poke: make(chan struct{}, 1),
		log:    k.cfg.Logger.With("pod", api.KeyOf(pod), "uid", pod.UID),
		latest: pod, shown: pod,
		probes: map[string]podsync.Probes{}, jobs: map[string]*job{}, memory: map[string]podsync.Memory{},
		probers: map[string]*probers{}, messages: map[string]string{}, held: map[reference]func(){}, complained: map[string]time.Time{},
	}
}

// update tells the worker of the pod as the API server has it now. A nil pod is
// gone from there.
func (w *worker) update(pod *corev1.Pod) {
	w.mu.Lock()
	same := pod == w.latest || pod == nil && w.gone
	if pod == nil {
		w.gone = true
	} else {
		w.latest = pod
	}
	w.mu.Unlock()
	if !same {
		w.wake()
	}
}

// wake makes the worker look at everything again, soon. It never blocks.
func (w *worker) wake() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// run looks after the pod until it is finished or ctx ends. Containers outlive
// ctx; jobs and probers do not outlive run.
func (w *worker) run(ctx context.Context) {
	defer w.release()
	defer w.wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for !w.finishing.done {
		next := w.step(ctx)
		if w.finishing.done || ctx.Err() != nil {
			return
		}
		if !w.wait(ctx, next) {
			return
		}
	}
}

// wait blocks until there is something to look at, and says whether to go on.
func (w *worker) wait(ctx context.Context, next time.Time) bool {
	var timer <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(max(0, time.Until(next)))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-w.poke:
		return true
	case <-timer:
		return true
	case <-ctx.Done():
		return false
	}
}

// step looks once at everything and starts what is to be done. It returns when
// to look again even if nothing happens.
func (w *worker) step(ctx context.Context) time.Time {
	w.collect()
	seen, err := w.k.observe(ctx, w.uid)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Warn("runtime does not answer", "err", err)
		}
		return time.Now().Add(observeRetry)
	}
	w.readMessages(ctx, &seen)
	w.probe(ctx, seen)
	plan := podsync.Decide(w.state(seen))
	w.memory = plan.Memory
	w.pod.Status = plan.Status
	w.show(seen)
	w.complain(plan)
	for _, action := range plan.Actions {
		w.log.Debug("do", "action", action.String())
		w.perform(ctx, action)
	}
	return earliest(plan.Wake, w.refreshVolumes(ctx), w.writeStatus(ctx), w.finish(ctx, plan))
}

func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// collect takes over what happened since the last step.
func (w *worker) collect() {
	w.mu.Lock()
	results, changed := w.results, w.changed
	w.results, w.changed = nil, false
	pod, gone := w.latest, w.gone
	w.mu.Unlock()
	for _, apply := range results {
		apply()
	}
	status := corev1.PodStatus{}
	if w.pod != nil {
		status = w.pod.Status
	}
	fresh := pod != w.status.seen
	w.status.seen = pod
	pod = pod.DeepCopy()
	if w.pod != nil {
		mergeStatus(&pod.Status, &status)
	}
	w.pod = pod
	if fresh {
		w.hold()
	}
	if gone && pod.DeletionTimestamp == nil {
		w.pod.DeletionTimestamp = orphan(nil).DeletionTimestamp
	}
	if w.pod.DeletionTimestamp != nil && w.endingSince.IsZero() {
		w.endingSince = time.Now()
	}
	if changed || fresh {
		w.volumes.dirty = true
	}
	if changed {
		now := time.Now()
		for name, memory := range w.memory {
			w.memory[name] = memory.RetryNow(now)
		}
	}
}

func (w *worker) state(seen observation) podsync.State {
	s := podsync.State{
		Pod: w.pod, Now: time.Now(), EndingSince: w.endingSince, Reject: w.reject, Prepared: w.prepared,
		Sandboxes: seen.sandboxes, Containers: seen.containers, Jobs: map[string]podsync.Job{},
		Probes: map[string]podsync.Probes{}, Memory: w.memory,
		HostIPs: []string{w.k.cfg.NodeIP}, Runtime: w.k.runtimeName(),
	}
	for name, j := range w.jobs {
		s.Jobs[name] = j.Job
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, p := range w.probes {
		s.Probes[id] = p
	}
	return s
}

// show lets others, such as the server, see the pod with its status.
func (w *worker) show(seen observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown, w.logs = w.pod.DeepCopy(), seen.logs
}

// view returns the pod as last decided upon, and its containers' log files. The
// caller must not modify them.
func (w *worker) view() (*corev1.Pod, map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown, w.logs
}

// spawn runs a job in a goroutine. What it returns is called in the worker's.
func (w *worker) spawn(job func() (apply func())) {
	w.wg.Go(func() {
		apply := job()
		w.mu.Lock()
		w.results = append(w.results, apply)
		w.mu.Unlock()
		w.wake()
	})
}

func (w *worker) readMessages(ctx context.Context, seen *observation) {
	for i := range seen.containers {
		c := &seen.containers[i]
		if c.State != podsync.Exited {
			continue
		}
		text, read := w.messages[c.ID]
		if !read {
			text = c.Message
			if spec := containerOf(w.pod, c.Name); spec != nil {
				text = w.k.terminationMessage(ctx, w.pod, spec, *c, seen.logs[c.ID])
			}
			w.messages[c.ID] = text
		}
		c.Message = text
	}
}

// containerOf returns a container of a pod by name, of whatever sort, or nil.
func containerOf(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers, podsync.EphemeralContainers(pod)} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

package scheduler

import (
	"container/heap"
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// How long a pod for which there was no node waits at least before the next
// try: one second, twice as long each time, ten seconds at most.
const (
	initialBackoff = time.Second
	maxBackoff     = 10 * time.Second
	// maxWait is when a pod is tried again even though nothing happened that
	// should help: a safety net under the hints.
	maxWait = 5 * time.Minute
)

// A Queue holds the pods that wait for a node. A pod is in one of three places:
//
//	active ──Pop──▶ being scheduled ──Retry──▶ waiting ──Helped, or 5 min──┐
//	   ▲                                                                   ▼
//	   └──────────────────── its back-off is over ◀──────────────────── backing off
//
// It is safe for concurrent use.
type Queue struct {
	mu      sync.Mutex         // guards the fields below
	pods    map[string]*queued // all of them, by uid
	active  activeHeap
	waiting map[string]*queued // neither active nor being scheduled
	// popped is how many pods are being scheduled, log the changes since the
	// first of them was popped.
	popped int
	log    []Change
	hints  func(plugin string, change Change) bool
	wake   chan struct{}
}

type queued struct {
	pod       *corev1.Pod
	added     time.Time
	attempts  int
	refusers  []string
	readyAt   time.Time // when its back-off is over
	giveUp    time.Time // when it is tried in any case
	helped    bool
	active    bool
	popped    bool
	poppedLog int // length of the log when it was popped
	index     int // in the heap
}

// NewQueue returns an empty queue. hints says whether a change may make a
// plugin accept what it refused.
func NewQueue(hints func(plugin string, change Change) bool) *Queue {
	return &Queue{
		pods: map[string]*queued{}, waiting: map[string]*queued{},
		hints: hints, wake: make(chan struct{}, 1),
	}
}

// Add puts a pod into the queue, or replaces what the queue knows of it. A
// changed spec may be what it needed, so then it is tried again.
func (q *Queue) Add(pod *corev1.Pod) {
	q.mu.Lock()
	defer q.mu.Unlock()
	item, ok := q.pods[string(pod.UID)]
	if !ok {
		item = &queued{pod: pod, added: time.Now()}
		q.pods[string(pod.UID)] = item
		q.activateLocked(item)
		return
	}
	changed := item.pod.Generation != pod.Generation
	item.pod = pod
	if changed && !item.active && !item.popped {
		item.helped = true
		q.wakeLocked()
	}
}

// Remove takes a pod out.
func (q *Queue) Remove(pod *corev1.Pod) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.removeLocked(string(pod.UID))
}

func (q *Queue) removeLocked(uid string) {
	item, ok := q.pods[uid]
	if !ok {
		return
	}
	if item.active {
		heap.Remove(&q.active, item.index)
	}
	if item.popped {
		q.unpopLocked(item)
	}
	delete(q.pods, uid)
	delete(q.waiting, uid)
}

// unpopLocked ends a pod's being scheduled. The log is kept for those that
// still are.
func (q *Queue) unpopLocked(item *queued) {
	item.popped = false
	if q.popped--; q.popped == 0 {
		q.log = nil
	}
}

// Retry gives back a popped pod for which there was no node, with the plugins
// that refused it. With none the try itself failed, and only time can help.
func (q *Queue) Retry(pod *corev1.Pod, refusers []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	item, ok := q.pods[string(pod.UID)]
	if !ok || !item.popped {
		return // Deleted meanwhile.
	}
	q.waitLocked(item, refusers)
	for _, change := range q.log[item.poppedLog:] {
		q.hintLocked(item, change) // It may have come after the snapshot.
	}
	q.unpopLocked(item)
	q.wakeLocked()
}

// waitLocked makes an item wait: for help, if some plugin refused it, and for
// the end of its back-off.
func (q *Queue) waitLocked(item *queued, refusers []string) {
	now := time.Now()
	item.refusers = refusers
	item.attempts++
	item.readyAt = now.Add(min(initialBackoff<<min(item.attempts-1, 10), maxBackoff))
	item.giveUp = now.Add(maxWait)
	item.helped = len(refusers) == 0
	q.waiting[string(item.pod.UID)] = item
}

// Unbound gives back a pod that was Done, because binding it failed.
func (q *Queue) Unbound(pod *corev1.Pod) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.pods[string(pod.UID)]; ok {
		return // It came back by itself.
	}
	item := &queued{pod: pod, added: time.Now()}
	q.pods[string(pod.UID)] = item
	q.waitLocked(item, nil)
	q.wakeLocked()
}

// Done says that a popped pod has got its node.
func (q *Queue) Done(pod *corev1.Pod) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item, ok := q.pods[string(pod.UID)]; ok && item.popped {
		q.removeLocked(string(pod.UID))
	}
}

// Changed tells the queue that something happened that may help pods.
func (q *Queue) Changed(change Change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, item := range q.waiting {
		q.hintLocked(item, change)
	}
	if q.popped > 0 {
		q.log = append(q.log, change)
	}
	q.wakeLocked()
}

func (q *Queue) hintLocked(item *queued, change Change) {
	for _, plugin := range item.refusers {
		if q.hints(plugin, change) {
			item.helped = true
		}
	}
}

// Pop waits for a pod to schedule and returns it: the one of the highest
// priority, among equals the one that came first. The caller must give it
// back with Retry or Done.
func (q *Queue) Pop(ctx context.Context) (*corev1.Pod, error) {
	for {
		pod, wait := q.next()
		if pod != nil {
			return pod, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-q.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

// next returns a pod, or how long until there may be one.
func (q *Queue) next() (*corev1.Pod, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, wait := time.Now(), maxWait
	if len(q.active) == 0 {
		for _, item := range q.waiting {
			at := item.giveUp
			if item.helped {
				at = item.readyAt
			}
			if now.Before(at) {
				wait = min(wait, at.Sub(now))
			} else {
				q.activateLocked(item)
			}
		}
	}
	if len(q.active) == 0 {
		return nil, wait
	}
	item := heap.Pop(&q.active).(*queued)
	item.active, item.popped, item.poppedLog = false, true, len(q.log)
	q.popped++
	return item.pod, 0
}

func (q *Queue) activateLocked(item *queued) {
	item.active = true
	delete(q.waiting, string(item.pod.UID))
	heap.Push(&q.active, item)
	q.wakeLocked()
}

func (q *Queue) wakeLocked() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Len returns how many pods are in the queue, those being scheduled included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pods)
}

// activeHeap is the pods that can be tried now, the most important on top.
type activeHeap []*queued

func (h activeHeap) Len() int { return len(h) }

func (h activeHeap) Less(i, j int) bool {
	if a, b := priority(h[i].pod), priority(h[j].pod); a != b {
		return a > b
	}
	return h[i].added.Before(h[j].added)
}

func (h activeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *activeHeap) Push(x any) {
	item := x.(*queued)
	item.index = len(*h)
	*h = append(*h, item)
}

func (h *activeHeap) Pop() any {
	old := *h
	item := old[len(old)-1]
	*h = old[:len(old)-1]
	return item
}

func priority(pod *corev1.Pod) int32 {
	if pod.Spec.Priority == nil {
		return 0
	}
	return *pod.Spec.Priority
}

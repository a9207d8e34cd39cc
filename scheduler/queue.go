package scheduler

import (
	"container/heap"
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
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
//	Add ─▶ active ──Pop──▶ in flight ──Done──▶ (out)
//	         ▲                │
//	         │                ├─Failed─▶ waiting until its back-off is over ──┐
//	         │                └─Refused▶ waiting until a change helps, ───────┤
//	         │                           and then for the end of its back-off │
//	         └────────────────────────────────────────────────────────────────┘
//
// A change that happens while a pod is in flight may have come too late for the
// snapshot that the decision was made on, so it counts as having come after the
// refusal. It is safe for concurrent use.
type Queue struct {
	mu     sync.Mutex            // guards the fields below
	pods   map[types.UID]*queued // all of them
	active pile                  // the most important on top
	// waiting are those to be tried at some time, the next on top.
	waiting pile
	flying  map[*queued]struct{}
	order   uint64 // counts what becomes active

	hints func(plugin string, change Change) bool
	wake  chan struct{}
}

// A queued is a pod in the queue.
type queued struct {
	pod      *corev1.Pod
	attempts int
	order    uint64

	// While it waits:
	refusers []string  // the plugins; none means that any change may help
	readyAt  time.Time // when its back-off is over
	giveUp   time.Time // when it is tried in any case
	helped   bool      // so it waits for its back-off only

	// While it is in flight:
	seen    changes // what has changed since
	updated bool    // the pod itself has

	in    *pile // nil: in flight
	index int   // in that pile
}

// changes is a set of Change.
type changes uint32

// NewQueue returns an empty queue. hints says whether a change may make a
// plugin accept what it refused.
func NewQueue(hints func(plugin string, change Change) bool) *Queue {
	return &Queue{
		pods: map[types.UID]*queued{}, flying: map[*queued]struct{}{},
		active:  pile{less: (*queued).moreUrgent},
		waiting: pile{less: (*queued).sooner},
		hints:   hints, wake: make(chan struct{}, 1),
	}
}

// Add puts a pod into the queue, or updates it.
func (q *Queue) Add(pod *corev1.Pod) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.updateLocked(pod) {
		return
	}
	item := &queued{pod: pod}
	q.pods[pod.UID] = item
	q.activateLocked(item)
}

// Update replaces what the queue knows of a pod, if it has it. If labels or
// specification changed that may be what the pod needed, so it is tried again.
func (q *Queue) Update(pod *corev1.Pod) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.updateLocked(pod)
}

func (q *Queue) updateLocked(pod *corev1.Pod) bool {
	item, ok := q.pods[pod.UID]
	if !ok {
		return false
	}
	changed := !equality.Semantic.DeepEqual(item.pod.Labels, pod.Labels) ||
		!equality.Semantic.DeepEqual(item.pod.Spec, pod.Spec)
	item.pod = pod
	switch {
	case item.in == &q.active:
		heap.Fix(&q.active, item.index)
	case changed && item.in == nil:
		item.updated = true
	case changed:
		q.helpLocked(item)
		q.wakeLocked()
	}
	return true
}

// Remove takes a pod out, wherever it is.
func (q *Queue) Remove(uid types.UID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	item, ok := q.pods[uid]
	if !ok {
		return
	}
	delete(q.pods, uid)
	delete(q.flying, item)
	if item.in != nil {
		heap.Remove(item.in, item.index)
	}
}

// Pop waits for a pod to schedule and returns it: the one of the highest
// priority, among equals the one that has waited longest since its last try.
// The caller must report what became of it: Done, Refused or Failed. The error
// is the context's.
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
	now := time.Now()
	for q.waiting.Len() > 0 && !now.Before(q.waiting.items[0].at()) {
		q.activateLocked(heap.Pop(&q.waiting).(*queued))
	}
	if q.active.Len() == 0 {
		if q.waiting.Len() == 0 {
			return nil, maxWait
		}
		return nil, q.waiting.items[0].at().Sub(now)
	}
	item := heap.Pop(&q.active).(*queued)
	item.seen, item.updated = 0, false
	q.flying[item] = struct{}{}
	return item.pod, 0
}

// Done says that a popped pod has got its node, or needs none any more.
func (q *Queue) Done(uid types.UID) { q.Remove(uid) }

// Refused gives back a popped pod for which there was no node, with the plugins
// that refused it. Without any, any change may help.
func (q *Queue) Refused(uid types.UID, refusers []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	item, ok := q.pods[uid]
	if !ok || item.in != nil {
		return // It was deleted meanwhile.
	}
	item.refusers = refusers
	item.helped = item.updated
	for change := Change(0); item.seen>>change != 0; change++ {
		if item.seen&(1<<change) != 0 && q.hintsLocked(item, change) {
			item.helped = true
		}
	}
	q.waitLocked(item)
}

// Failed gives back a popped pod whose try failed, which may be long after Pop.
// Only time can help.
func (q *Queue) Failed(uid types.UID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item, ok := q.pods[uid]; ok && item.in == nil {
		item.helped = true
		q.waitLocked(item)
	}
}

func (q *Queue) waitLocked(item *queued) {
	now := time.Now()
	item.attempts++
	item.readyAt = now.Add(min(initialBackoff<<min(item.attempts-1, 10), maxBackoff))
	item.giveUp = now.Add(maxWait)
	delete(q.flying, item)
	heap.Push(&q.waiting, item)
	q.wakeLocked()
}

// Changed tells the queue that something happened that may help pods.
func (q *Queue) Changed(change Change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for item := range q.flying {
		item.seen |= 1 << change
	}
	var helped []*queued
	for _, item := range q.waiting.items {
		if !item.helped && q.hintsLocked(item, change) {
			helped = append(helped, item)
		}
	}
	for _, item := range helped {
		q.helpLocked(item)
	}
	if len(helped) > 0 {
		q.wakeLocked()
	}
}

// hintsLocked reports whether a change may help a pod.
func (q *Queue) hintsLocked(item *queued, change Change) bool {
	for _, plugin := range item.refusers {
		if q.hints(plugin, change) {
			return true
		}
	}
	return len(item.refusers) == 0
}

func (q *Queue) helpLocked(item *queued) {
	item.helped = true
	heap.Fix(item.in, item.index)
}

func (q *Queue) activateLocked(item *queued) {
	q.order++
	item.order = q.order
	heap.Push(&q.active, item)
	q.wakeLocked()
}

func (q *Queue) wakeLocked() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Len returns how many pods are in the queue, those in flight included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pods)
}

// Has reports whether the pod is in the queue.
func (q *Queue) Has(uid types.UID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pods[uid] != nil
}

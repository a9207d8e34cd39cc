package history

import (
	"container/heap"
	"sync"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// retryAfter is how long an [Expiry] waits when its deletes were refused.
const retryAfter = time.Second

// An Expiry deletes keys when their time to live is over. It belongs to one
// store; all methods are safe for concurrent use.
type Expiry struct {
	mu    sync.Mutex // guards queue
	queue deadlines
	wake  chan struct{} // holds a token when the earliest deadline changed
}

// NewExpiry returns an expiry that knows of no deadline.
func NewExpiry() *Expiry { return &Expiry{wake: make(chan struct{}, 1)} }

// A deadline says that the key should be deleted at that time if it is still
// the one of that revision. Writing the key again makes the deadline void; it
// stays in the queue until its time.
type deadline struct {
	at       time.Time
	key      string
	revision int64
}

// Add notes the deadline of kv, if it has one.
func (e *Expiry) Add(kv *store.KeyValue) {
	if kv.Expires.IsZero() {
		return
	}
	e.add(deadline{kv.Expires, kv.Key, kv.ModRevision})
}

func (e *Expiry) add(d deadline) {
	e.mu.Lock()
	heap.Push(&e.queue, d)
	earliest := e.queue[0] == d
	e.mu.Unlock()
	if earliest {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
}

// Run deletes keys as they run out of time until done is closed. remove gets
// the deletes that are due, all at once, and returns an error if they should be
// tried again later.
func (e *Expiry) Run(done <-chan struct{}, remove func([]Write) error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-e.wake:
		case <-timer.C:
		}
		if due := e.due(time.Now()); len(due) > 0 {
			if err := remove(writes(due)); err != nil {
				e.postpone(due, time.Now().Add(retryAfter))
			}
		}
		timer.Stop()
		if next, ok := e.next(); ok {
			timer.Reset(time.Until(next))
		}
	}
}

// due takes the deadlines that are not after now out of the queue.
func (e *Expiry) due(now time.Time) []deadline {
	e.mu.Lock()
	defer e.mu.Unlock()
	var due []deadline
	for len(e.queue) > 0 && !e.queue[0].at.After(now) {
		due = append(due, heap.Pop(&e.queue).(deadline))
	}
	return due
}

// postpone puts deadlines back for a later time.
func (e *Expiry) postpone(due []deadline, at time.Time) {
	for _, d := range due {
		d.at = at
		e.add(d)
	}
}

// next returns the earliest deadline.
func (e *Expiry) next() (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		return time.Time{}, false
	}
	return e.queue[0].at, true
}

// writes returns the deletes of due keys, on the condition that nobody wrote
// them since.
func writes(due []deadline) []Write {
	out := make([]Write, len(due))
	for i, d := range due {
		out[i] = Write{Op: Delete, Key: d.key, IfRevision: d.revision}
	}
	return out
}

// deadlines is a heap, the earliest first. See [heap.Interface].
type deadlines []deadline

func (q deadlines) Len() int           { return len(q) }
func (q deadlines) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q deadlines) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *deadlines) Push(d any)        { *q = append(*q, d.(deadline)) }
func (q *deadlines) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	*q = (*q)[:last]
	return d
}

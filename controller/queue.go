package controller

import (
	"cmp"
	"slices"
	"time"
)

// The back-off of a key whose reconciliation keeps failing: the first wait, and
// the longest. Each failure doubles it.
const (
	FirstBackoff   = 5 * time.Millisecond
	LongestBackoff = 1000 * time.Second
)

// A queue decides which key is reconciled next. It is a value without clock, lock or
// goroutine: times come in, decisions go out. [Controller] puts these around it.
//
//	add ──▶ ready ──next──▶ running ──done──▶ (forgotten)
//	         ▲  ▲              │ add while running:
//	addAt    │  └──── done ◀── dirty
//	  │      │
//	  └──▶ waiting, until its time has come
//
// A key is in ready at most once, and never runs twice at the same time: what is
// added while it runs, runs once more afterwards.
type queue struct {
	ready    []Key
	queued   map[Key]bool // in ready, or dirty and running
	running  map[Key]bool
	waiting  map[Key]time.Time
	failures map[Key]int
	addedAt  map[Key]time.Time // of the keys in ready, for the metrics
}

func newQueue() *queue {
	return &queue{
		queued: map[Key]bool{}, running: map[Key]bool{}, waiting: map[Key]time.Time{},
		failures: map[Key]int{}, addedAt: map[Key]time.Time{},
	}
}

// add makes a key ready, unless it is. It says whether it was not.
func (q *queue) add(key Key, now time.Time) bool {
	if q.queued[key] {
		return false
	}
	q.queued[key] = true
	q.addedAt[key] = now
	if !q.running[key] {
		q.ready = append(q.ready, key)
	}
	return true
}

// addAt makes a key ready at a time. Of several times the earliest counts.
func (q *queue) addAt(key Key, at time.Time) {
	if before, ok := q.waiting[key]; !ok || at.Before(before) {
		q.waiting[key] = at
	}
}

// next returns a key to reconcile now, which then runs until done. If there is none
// it returns when there may be: the zero time means not before another add.
func (q *queue) next(now time.Time) (key Key, waited time.Duration, at time.Time, ok bool) {
	at = q.promote(now)
	if len(q.ready) == 0 {
		return Key{}, 0, at, false
	}
	key, q.ready = q.ready[0], q.ready[1:]
	waited = now.Sub(q.addedAt[key])
	delete(q.addedAt, key)
	delete(q.queued, key)
	q.running[key] = true
	return key, waited, time.Time{}, true
}

// promote makes those waiting keys ready whose time has come, earliest first,
// and returns when the next one's comes.
func (q *queue) promote(now time.Time) (next time.Time) {
	var due []Key
	for key, at := range q.waiting {
		switch {
		case !at.After(now):
			due = append(due, key)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	slices.SortFunc(due, func(a, b Key) int {
		return cmp.Or(q.waiting[a].Compare(q.waiting[b]), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, key := range due {
		delete(q.waiting, key)
		q.add(key, now)
	}
	return next
}

// done ends the run of a key. If it was added meanwhile, it is ready again.
func (q *queue) done(key Key) {
	delete(q.running, key)
	if q.queued[key] {
		q.ready = append(q.ready, key)
	}
}

// succeeded forgets the key's failures.
func (q *queue) succeeded(key Key) { delete(q.failures, key) }

// failed counts a failure and puts the key off for the back-off, which it returns.
func (q *queue) failed(key Key, now time.Time) time.Duration {
	wait := backoff(q.failures[key])
	q.failures[key]++
	q.addAt(key, now.Add(wait))
	return wait
}

// backoff returns the wait after so many failures before this one.
func backoff(failures int) time.Duration {
	wait := FirstBackoff
	for range failures {
		if wait *= 2; wait >= LongestBackoff {
			return LongestBackoff
		}
	}
	return wait
}

// depth is the number of keys that could run now if there were workers.
func (q *queue) depth() int { return len(q.ready) }

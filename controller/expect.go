package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// ExpectFor is how long a write is waited for. A watch is seldom behind by more
// than milliseconds; a write that does not show for this long never will.
const ExpectFor = 5 * time.Minute

// Expectations bridge the moment between a controller's own write and its
// informer's hearing of it. A controller that has just created three pods and
// looks into its cache may still see none, and would create three more. So it
// notes what it did, and waits with its next step until the cache shows it.
//
//	reconcile ─▶ Met? ──no──▶ wait: the event that is missing brings the key back
//	              └─yes─▶ Create, Deleted
//
// It is safe for concurrent use. The zero value is ready.
type Expectations struct {
	mu    sync.Mutex // guards the field below
	byKey map[Key]*expected
}

type expected struct {
	created, deleted map[types.UID]bool
	until            time.Time
	// creating counts the creations under way. While there are any, gone holds
	// what vanished meanwhile: it may be what is just being created.
	creating int
	gone     map[types.UID]bool
}

// Create calls create, which makes an object and returns its uid, and notes it
// for key. An object that the informer has heard of, even that it is gone
// again, before create returns is not waited for.
func (e *Expectations) Create(key Key, create func() (types.UID, error)) error {
	e.mu.Lock()
	e.ofLocked(key).creating++
	e.mu.Unlock()

	uid, err := create()

	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.ofLocked(key)
	x.creating--
	if err == nil && !x.gone[uid] {
		x.created[uid] = true
	}
	if x.creating == 0 {
		clear(x.gone)
	}
	return err
}

// Deleted notes that the reconciliation of key deleted an object.
func (e *Expectations) Deleted(key Key, uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ofLocked(key).deleted[uid] = true
}

func (e *Expectations) ofLocked(key Key) *expected {
	if e.byKey == nil {
		e.byKey = map[Key]*expected{}
	}
	x := e.byKey[key]
	if x == nil {
		x = &expected{created: map[types.UID]bool{}, deleted: map[types.UID]bool{}, gone: map[types.UID]bool{}}
		e.byKey[key] = x
	}
	x.until = time.Now().Add(ExpectFor)
	return x
}

// Met reports whether the cache shows all that was noted for key. lookup tells
// of an object whether the cache has it, and whether it is being deleted there;
// see [LookupIn]. Ask before reading the cache for the next decision.
func (e *Expectations) Met(key Key, lookup func(types.UID) (there, deleting bool)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.byKey[key]
	if x == nil {
		return true
	}
	for uid := range x.created {
		if there, _ := lookup(uid); there {
			delete(x.created, uid)
		}
	}
	for uid := range x.deleted {
		if there, deleting := lookup(uid); !there || deleting {
			delete(x.deleted, uid)
		}
	}
	if len(x.created)+len(x.deleted) > 0 && time.Now().Before(x.until) {
		return false
	}
	delete(e.byKey, key)
	return true
}

// Gone notes that the informer saw an object vanish: one that was created and
// deleted again between two reconciliations would be waited for in vain. Call it
// from a handler that the informer has before the controller's own.
func (e *Expectations) Gone(uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.byKey {
		delete(x.created, uid)
		if x.creating > 0 {
			x.gone[uid] = true
		}
	}
}

// Forget drops what was noted for key, because its object is gone.
func (e *Expectations) Forget(key Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byKey, key)
}

package etcdserver

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coracle-k8s/coracle/store"
)

// maxTTL is the longest time to live of a lease in seconds, as in etcd.
const maxTTL = 9_000_000_000

// leases are the leases that were granted and have not ended. All methods are
// safe for concurrent use.
type leases struct {
	wake chan struct{} // holds a token when a deadline changed

	mu    sync.Mutex // guards the fields below
	byID  map[int64]*lease
	byKey map[string]attachment
	log   *leaseLog
}

// A lease is a time after which its keys are deleted.
type lease struct {
	id      int64
	ttl     time.Duration
	expires time.Time
	keys    map[string]attachment
}

// An attachment is the write by which a key came to a lease. When the key has
// been written since, it is void.
type attachment struct {
	lease    int64
	revision int64
	until    time.Time // when the store deletes the key by itself
}

func newLeases() *leases {
	return &leases{wake: make(chan struct{}, 1), byID: map[int64]*lease{}, byKey: map[string]attachment{}}
}

// seconds returns a time to live in seconds as a duration, which has less room.
func seconds(ttl int64) time.Duration {
	return time.Duration(min(ttl, math.MaxInt64/int64(time.Second))) * time.Second
}

// grant makes a lease; the ID zero means any. It returns the ID.
func (l *leases) grant(id, ttl int64) (int64, error) {
	if ttl > maxTTL {
		return 0, rpctypes.ErrGRPCLeaseTTLTooLarge
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id == 0 || id < 0 {
		if n := rand.Int64(); l.byID[n] == nil {
			id = n
		}
	}
	if l.byID[id] != nil {
		return 0, rpctypes.ErrGRPCLeaseExist
	}
	granted := seconds(max(1, ttl))
	g := &lease{id: id, ttl: granted, expires: time.Now().Add(granted), keys: map[string]attachment{}}
	if err := errors.Join(l.log.write(grantLine(g)), l.log.sync()); err != nil {
		return 0, err
	}
	l.byID[id] = g
	l.changed()
	return id, nil
}

// sync waits until what has become of the leases is on disk.
func (l *leases) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.sync()
}

// shortenLocked makes the file of the leases shorter if it has become too long.
func (l *leases) shortenLocked() {
	if !l.log.tooLong(len(l.byID) + len(l.byKey)) {
		return
	}
	if err := l.log.rewrite(l.lines()); err != nil {
		l.log.log.Error("the file of the leases grows", "error", err)
	}
}

// changed wakes the goroutine that waits for the next deadline.
func (l *leases) changed() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// remaining returns how long keys of a lease live from now on, zero for no lease.
func (l *leases) remaining(id int64) (time.Duration, error) {
	if id == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.byID[id]; g != nil {
		if left := time.Until(g.expires); left > 0 {
			return left, nil
		}
	}
	return 0, rpctypes.ErrGRPCLeaseNotFound
}

// attach notes that a key was written with a lease, which may have ended
// meanwhile: then it returns false.
func (l *leases) attach(id int64, key string, revision int64, ttl time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.byID[id]
	if g == nil {
		return false
	}
	if was := l.byKey[key]; was.revision < revision {
		if before := l.byID[was.lease]; before != nil {
			delete(before.keys, key)
		}
		a := attachment{id, revision, time.Now().Add(ttl)}
		g.keys[key], l.byKey[key] = a, a
		l.log.note(attachLine(key, a))
		l.shortenLocked()
	}
	return true
}

// of returns the lease of a key, zero if it has none.
func (l *leases) of(kv *store.KeyValue) int64 {
	if kv.Expires.IsZero() {
		return 0 // spares most keys the lock
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.byKey[kv.Key]; a.revision == kv.ModRevision {
		return a.lease
	}
	return 0
}

// renew gives a lease its time again. It returns a copy, nil if there is none.
func (l *leases) renew(id int64) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.byID[id]
	if g == nil {
		return nil
	}
	g.expires = time.Now().Add(g.ttl)
	l.changed()
	return g.copy()
}

// get returns a copy of a lease, nil if there is none.
func (l *leases) get(id int64) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.byID[id]; g != nil {
		return g.copy()
	}
	return nil
}

func (g *lease) copy() *lease {
	c := *g
	c.keys = make(map[string]attachment, len(g.keys))
	for key, a := range g.keys {
		c.keys[key] = a
	}
	return &c
}

// take removes a lease and returns it, nil if there is none.
func (l *leases) take(id int64) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.takeLocked(id)
}

func (l *leases) takeLocked(id int64) *lease {
	g := l.byID[id]
	if g == nil {
		return nil
	}
	delete(l.byID, id)
	l.log.note(endLine(id))
	for key, a := range g.keys {
		if l.byKey[key] == a {
			delete(l.byKey, key)
		}
	}
	l.shortenLocked()
	return g
}

// takeExpired removes the leases whose time is over, and returns them and the
// time of the next one, zero if there is none.
func (l *leases) takeExpired(now time.Time) (expired []*lease, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, g := range l.byID {
		if !g.expires.After(now) {
			expired = append(expired, l.takeLocked(id))
		} else if next.IsZero() || g.expires.Before(next) {
			next = g.expires
		}
	}
	return expired, next
}

// ids returns all leases, in order.
func (l *leases) ids() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []int64
	for id := range l.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

package apiserver

import (
	"hash/maphash"
	"sort"
	"strings"
	"sync"

	"github.com/coracle-k8s/coracle/api"
)

// windowSize is how many recent events each kind keeps, so that a watch that
// was cut off can go on where it was. Older ones are read from the store.
const windowSize = 1024

// A change is an event of the store, decoded. Without an entry it is a deletion.
type change struct {
	key      string
	revision int64
	entry    *entry
}

// A collection holds all objects of one kind. The cache's lock guards it.
type collection struct {
	resource *api.Resource
	prefix   string
	decode   decodeFunc
	forgets  bool          // entries do not keep their objects
	filled   chan struct{} // closed when entries is complete
	filling  chan struct{} // held by who is filling

	listing  bool     // somebody lists the store to fill it
	pending  []change // what arrived since the list began
	entries  ordered
	index    index // of entries
	window   window
	watchers watchers

	packs packs // of lists; has a lock of its own
}

func newCollection(r *api.Resource, decode decodeFunc, zips *sync.Pool) *collection {
	return &collection{
		resource: r, prefix: r.Prefix(), decode: decode, forgets: r.Stored == nil && !isCustom(r),
		filled: make(chan struct{}), filling: make(chan struct{}, 1),
		index: index{}, watchers: watchers{}, packs: packs{zips: zips, seed: maphash.MakeSeed()},
	}
}

// listLocked begins or gives up filling.
func (c *collection) listLocked(begin bool) { c.listing, c.pending = begin, nil }

// fillLocked completes the collection with a list of the store at a revision
// that the cache has reached.
func (c *collection) fillLocked(entries []*entry, revision int64) {
	c.entries.entries = entries
	for _, e := range entries { // in order, so each goes to an end
		c.index.replace(nil, e)
	}
	c.window.since = revision
	pending := c.pending
	c.pending = nil
	close(c.filled)
	for _, ch := range pending {
		if ch.revision > revision {
			c.receiveLocked(ch)
		}
	}
}

// receiveLocked applies a change and tells the watchers.
func (c *collection) receiveLocked(ch change) {
	select {
	case <-c.filled:
	default:
		if c.listing {
			c.pending = append(c.pending, ch)
		}
		return
	}
	e := &event{key: ch.key, revision: ch.revision, now: ch.entry, before: c.entries.get(ch.key)}
	c.replaceLocked(e)
	if e.now.empty() && e.before.empty() {
		c.window.skip(e.revision) // cannot be decoded, or was not there
		return
	}
	c.window.add(e)
	c.watchers.send(c.resource, e)
}

// replaceLocked puts an event's entry in the place of the one before it.
func (c *collection) replaceLocked(e *event) {
	if e.now == nil {
		c.entries.remove(e.key)
	} else {
		c.entries.put(e.now)
	}
	c.index.replace(e.before, e.now)
}

// scopeLocked returns the entries of a scope, in order, and perhaps others.
func (c *collection) scopeLocked(r *api.Resource, scope watchScope) []*entry {
	if scope.nodeName != "" {
		return c.index.narrowest([]term{{nodeNameField, scope.nodeName}}).list("")
	}
	return c.entries.list(keyPrefix(r, scope.namespace))
}

// ordered is a list of entries in key order. Looking one up takes a binary
// search; putting in or taking out moves the pointers behind it, which for the
// tens of thousands of objects of a cluster is faster than a tree.
type ordered struct{ entries []*entry }

// find returns where key is or would be.
func (o *ordered) find(key string) (int, bool) {
	return sort.Find(len(o.entries), func(i int) int { return strings.Compare(key, o.entries[i].key) })
}

func (o *ordered) get(key string) *entry {
	if i, found := o.find(key); found {
		return o.entries[i]
	}
	return nil
}

func (o *ordered) put(e *entry) {
	i, found := o.find(e.key)
	if found {
		o.entries[i] = e
		return
	}
	o.entries = append(o.entries, nil)
	copy(o.entries[i+1:], o.entries[i:])
	o.entries[i] = e
}

func (o *ordered) remove(key string) {
	i, found := o.find(key)
	if !found {
		return
	}
	copy(o.entries[i:], o.entries[i+1:])
	o.entries[len(o.entries)-1] = nil
	o.entries = o.entries[:len(o.entries)-1]
}

// list returns a copy of the entries whose key begins with prefix.
func (o *ordered) list(prefix string) []*entry {
	from, _ := o.find(prefix)
	to := from + sort.Search(len(o.entries)-from, func(i int) bool {
		return !strings.HasPrefix(o.entries[from+i].key, prefix)
	})
	return append([]*entry(nil), o.entries[from:to]...)
}

// A window is a ring of the most recent events: those after revision since.
type window struct {
	since  int64
	events []*event // a ring once it is full
	next   int      // where the oldest is then, and the next one goes
}

func (w *window) add(e *event) {
	if len(w.events) < windowSize {
		w.events = append(w.events, e)
		return
	}
	w.since = w.events[w.next].revision
	w.events[w.next] = e
	w.next = (w.next + 1) % windowSize
}

// skip notes an event that the window cannot hold: nothing before it can be replayed.
func (w *window) skip(revision int64) {
	w.since, w.events, w.next = revision, nil, 0
}

// after returns the events after a revision, or false if they are not all here.
func (w *window) after(revision int64) ([]*event, bool) {
	if revision < w.since {
		return nil, false
	}
	inOrder := make([]*event, 0, len(w.events))
	inOrder = append(append(inOrder, w.events[w.next:]...), w.events[:w.next]...)
	first := sort.Search(len(inOrder), func(i int) bool { return inOrder[i].revision > revision })
	return inOrder[first:], true
}

// prefixOf returns the part of a key that its kind's objects share: all but the
// name and, for a namespaced kind, the namespace.
func prefixOf(key string, namespaced bool) string {
	end := strings.LastIndexByte(key, '/')
	if namespaced && end > 0 {
		end = strings.LastIndexByte(key[:end], '/')
	}
	return key[:end+1]
}

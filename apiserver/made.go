package apiserver

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/coracle-k8s/coracle/api"
)

// keptAs returns the resource whose objects the cache keeps for r: r itself, or
// the one that its objects are made of.
func keptAs(r *api.Resource) *api.Resource {
	if r.Made != nil {
		return r.Made.Of
	}
	return r
}

// forms are the entries that have been made of one for other resources, so that
// each is made once, however many read it. The list is short and never changed,
// only lengthened at its front.
type forms struct{ first atomic.Pointer[madeForm] }

type madeForm struct {
	of   *api.Resource
	made *entry
	next *madeForm
}

// as returns what has been made of an entry for a resource, or nil.
func (e *entry) as(r *api.Resource) *entry {
	for f := e.forms.first.Load(); f != nil; f = f.next {
		if f.of == r {
			return f.made
		}
	}
	return nil
}

// remember keeps what has been made of an entry. If somebody else was faster,
// both are kept, and the one in front is used.
func (e *entry) remember(r *api.Resource, made *entry) {
	f := &madeForm{of: r, made: made}
	for {
		f.next = e.forms.first.Load()
		if e.forms.first.CompareAndSwap(f.next, f) {
			return
		}
	}
}

// into returns what entries are for a resource: themselves or, if its objects are
// made of others, what is made of them, all in one call. No lock may be held.
func (c *cache) into(ctx context.Context, r *api.Resource, entries []*entry) ([]*entry, error) {
	if r.Made == nil {
		return entries, nil
	}
	made := make([]*entry, len(entries))
	var missing []int
	var sources []api.Object
	for i, e := range entries {
		switch {
		case e.err != nil:
			made[i] = e
		default:
			if made[i] = e.as(r); made[i] == nil {
				missing, sources = append(missing, i), append(sources, e.object())
			}
		}
	}
	if len(missing) == 0 {
		return made, nil
	}
	objects, err := r.Made.Convert(ctx, sources)
	if err != nil {
		return nil, err
	}
	if len(objects) != len(sources) {
		return nil, fmt.Errorf("convert %s: %d objects became %d", r.Plural, len(sources), len(objects))
	}
	for i, at := range missing {
		e := &entry{key: entries[at].key, revision: entries[at].revision}
		if e.err = complete(r, objects[i], e.revision); e.err == nil {
			e = newEntry(r, e.key, e.revision, objects[i])
		}
		entries[at].remember(r, e)
		made[at] = e
	}
	return made, nil
}

// complete makes an object that comes from the store one of its kind, with its
// defaults and its revision.
func complete(r *api.Resource, obj api.Object, revision int64) error {
	if err := fit(r, obj); err != nil {
		return err
	}
	if r.Default != nil {
		r.Default(obj)
	}
	setRevision(obj, revision)
	return nil
}

// makeDelivery is into for an event.
func (c *cache) makeDelivery(ctx context.Context, r *api.Resource, d *delivery) (*delivery, error) {
	made := &event{key: d.key, revision: d.revision}
	for _, side := range []struct {
		from *entry
		to   **entry
	}{{d.now, &made.now}, {d.before, &made.before}} {
		if side.from == nil {
			continue
		}
		entries, err := c.into(ctx, r, []*entry{side.from})
		if err != nil {
			return nil, err
		}
		*side.to = entries[0]
	}
	return &delivery{event: made}, nil
}

package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/api"
)

// InformerOptions narrow what an informer holds. The zero value holds everything.
type InformerOptions[T api.Object] struct {
	Namespace                    string
	LabelSelector, FieldSelector string
	// Indexes are as with [Informer.AddIndex].
	Indexes map[string]func(T) []string
}

// An Informer keeps a copy of all objects of a kind and follows their changes.
//
//	API server ──list, watch──▶ follow ──▶ cache ──▶ Get, List, ByIndex
//	                                         └─────▶ OnChange handlers, in order
//
// Its readers are safe for concurrent use. The objects they return are shared
// and must not be modified: [api.Clone] them first. The cache lags a little
// behind the server, so a controller that has just written may read what was before.
//
// The cache changes before the handlers hear of it. The handlers see a
// consistent story of each object: it is added, then changed, then deleted,
// however often the connection breaks in between, and an object that was
// replaced by another of its name while nobody looked is deleted and added.
// Versions in between may be skipped.
type Informer[T api.Object] struct {
	kind     *Kind[T]
	opts     InformerOptions[T]
	cache    *cache[T]
	handlers []func(old, new T)
	running  atomic.Bool
	synced   chan struct{}
}

// NewInformer returns an informer of T. It starts with Run.
func NewInformer[T api.Object](c *Client, opts InformerOptions[T]) *Informer[T] {
	return NewInformerOf(For[T](c), opts)
}

// NewInformerOf is [NewInformer] for a kind made by [Metadata] or [Dynamic].
func NewInformerOf[T api.Object](kind *Kind[T], opts InformerOptions[T]) *Informer[T] {
	i := &Informer[T]{kind: kind, opts: opts, cache: newCache[T](), synced: make(chan struct{})}
	for name, values := range opts.Indexes {
		i.AddIndex(name, values)
	}
	return i
}

// OnChange adds a handler. It is called for every change, from one goroutine,
// with old nil for an added object and new nil for a deleted one (its last
// known state is in old). It must not block: everything else waits for it. Add
// handlers before Run.
func (i *Informer[T]) OnChange(f func(old, new T)) {
	i.mustNotRun("OnChange")
	i.handlers = append(i.handlers, f)
}

// AddIndex lets ByIndex find objects by the values that f returns, which must depend on
// nothing but the object. An index that is there already stays as it is. Add
// indexes before Run.
func (i *Informer[T]) AddIndex(name string, f func(T) []string) {
	i.mustNotRun("AddIndex")
	i.cache.addIndex(name, f)
}

func (i *Informer[T]) mustNotRun(what string) {
	if i.running.Load() {
		panic(fmt.Sprintf("client: %s of an informer of %s that runs already", what, i.kind.resource.Plural))
	}
}

// Run follows the server until the context ends, through whatever errors, and
// then returns nil. An informer runs once.
func (i *Informer[T]) Run(ctx context.Context) error {
	if i.running.Swap(true) {
		return fmt.Errorf("run informer of %s: it has run before", i.kind.resource.Plural)
	}
	f := &follower[T]{informer: i}
	f.run(ctx)
	return nil
}

// Synced is closed when the first complete list is in the cache and the handlers
// have been told of it.
func (i *Informer[T]) Synced() <-chan struct{} { return i.synced }

// Get returns one object of the cache, and whether there is one.
func (i *Informer[T]) Get(namespace, name string) (T, bool) { return i.cache.get(namespace, name) }

// List returns the objects of a namespace ("" for all) whose labels match (nil
// for any), in no particular order. The slice is the caller's, the objects are not.
func (i *Informer[T]) List(namespace string, sel labels.Selector) []T {
	return i.cache.list(namespace, sel)
}

// ByIndex returns the objects for which an index has the value, in no
// particular order. It panics if there is no such index.
func (i *Informer[T]) ByIndex(index, value string) []T { return i.cache.byIndex(index, value) }

// store puts one object into the cache and tells the handlers.
func (i *Informer[T]) store(obj T) {
	old, had := i.cache.put(obj)
	var none T
	switch {
	case !had:
		i.tell(none, obj)
	case old.GetUID() != obj.GetUID():
		i.tell(old, none)
		i.tell(none, obj)
	case old.GetResourceVersion() != obj.GetResourceVersion():
		i.tell(old, obj)
	}
}

// forget removes one object, whose last state is given, and tells the handlers.
func (i *Informer[T]) forget(last T) {
	if _, had := i.cache.remove(last.GetNamespace(), last.GetName()); had {
		var none T
		i.tell(last, none)
	}
}

// replace makes the cache equal to a complete list.
func (i *Informer[T]) replace(objects map[string]T) {
	var gone []T
	for _, old := range i.cache.list("", nil) {
		if _, still := objects[api.KeyOf(old)]; !still {
			gone = append(gone, old)
		}
	}
	for _, old := range sortedByName(gone) {
		i.forget(old)
	}
	present := make([]T, 0, len(objects))
	for _, obj := range objects {
		present = append(present, obj)
	}
	for _, obj := range sortedByName(present) {
		i.store(obj)
	}
	select {
	case <-i.synced:
	default:
		close(i.synced)
	}
}

// sortedByName puts objects in the order of their names, so that handlers are
// told of a list in an order that can be reproduced.
func sortedByName[T api.Object](objects []T) []T {
	slices.SortFunc(objects, func(a, b T) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return objects
}

func (i *Informer[T]) tell(old, new T) {
	for _, handler := range i.handlers {
		handler(old, new)
	}
}

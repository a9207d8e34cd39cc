package apiserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// registryRange is where Kubernetes keeps objects in its store.
var registryRange = store.Prefix("/registry/")

// errKindGone ends the reads and watches of a custom kind that is no more, or no
// more what it was.
var errKindGone = errors.New("the kind has changed or is gone")

// errCacheStopped ends the reads and watches of a cache that no longer follows
// its store.
var errCacheStopped = errors.New("the watch cache has stopped")

// A cache holds the objects of every kind that somebody reads, kept up to date by
// one watch of the store:
//
//	store ── watch /registry/ ──> follow ──> collection pods ──> entries in key order
//	                                │                        ├─> window of recent events
//	                                │                        └─> watchers' queues
//	                                └──────> collection nodes ...
//
// A kind's collection is filled, by one list, when it is first read. All its
// reads and watches then come from memory. Kubernetes calls this the cacher.
//
// A read is consistent because it first learns the store's revision and then
// waits until the cache has got there (KEP-2340).
type cache struct {
	store  store.Store
	decode decodeFunc
	exists func(*api.Resource) bool // whether a resource is still served; the lock may be held
	log    *slog.Logger

	zips sync.Pool // of *flate.Writer
	past *history  // that the store keeps

	ready chan struct{} // closed when the cache follows the store
	done  chan struct{} // closed when it has stopped for good

	mu          sync.RWMutex // guards the fields below and every collection
	revision    int64        // all changes up to here have been applied
	source      store.Watcher
	waiters     []waiter
	collections map[*api.Resource]*collection
	byPrefix    map[string][]*collection
}

// A decodeFunc makes the object of a stored value.
type decodeFunc func(ctx context.Context, r *api.Resource, kv store.KeyValue) (api.Object, error)

// A waiter waits for the cache to reach a revision.
type waiter struct {
	revision int64
	reached  chan struct{}
}

func newCache(st store.Store, decode decodeFunc, exists func(*api.Resource) bool, log *slog.Logger) *cache {
	return &cache{
		store: st, decode: decode, exists: exists, log: log, zips: sync.Pool{New: newDeflater}, past: newHistory(),
		ready: make(chan struct{}), done: make(chan struct{}),
		collections: map[*api.Resource]*collection{},
		byPrefix:    map[string][]*collection{},
	}
}

// run follows the store until ctx ends. A compaction that overtakes the cache
// makes it start again from nothing: its watchers are ended and list again.
func (c *cache) run(ctx context.Context) error {
	defer close(c.done)
	defer c.reset(errCacheStopped)
	for {
		err := c.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, store.ErrCompacted) {
			return fmt.Errorf("follow the store: %w", err)
		}
		c.log.Warn("watch cache was overtaken by a compaction, starting again")
		c.reset(err)
	}
}

// follow applies the store's changes as they come.
func (c *cache) follow(ctx context.Context) error {
	revision, err := c.store.Revision(ctx)
	if err != nil {
		return err
	}
	source, err := c.store.Watch(ctx, registryRange, revision)
	if err != nil {
		return err
	}
	defer source.Close()
	c.mu.Lock()
	c.source, c.revision = source, revision
	c.wakeLocked()
	c.mu.Unlock()
	select {
	case <-c.ready:
	default:
		close(c.ready)
	}
	for {
		batch, err := source.Next(ctx)
		if err != nil {
			return err
		}
		c.apply(ctx, batch)
	}
}

// apply brings a batch of changes into the collections and to the watchers.
// Decoding, the dear part, happens outside the lock.
func (c *cache) apply(ctx context.Context, batch store.Batch) {
	type arrival struct {
		to     *collection
		change change
	}
	var arrivals []arrival
	past := 0
	for _, e := range batch.Events {
		if e.Prev != nil {
			past += len(e.Prev.Key) + len(e.Prev.Value)
		}
		for _, col := range c.collectionsOf(e.KV.Key) {
			arrivals = append(arrivals, arrival{col, c.change(ctx, col, e)})
		}
	}
	c.mu.Lock()
	for _, a := range arrivals {
		a.to.receiveLocked(a.change)
	}
	c.revision = max(c.revision, batch.Revision)
	c.wakeLocked()
	c.mu.Unlock()
	c.past.grow(batch.Revision, past)
}

// collectionsOf returns the collections that a key belongs to. A collection that is
// made after this misses nothing: it will list a store that has the change.
func (c *cache) collectionsOf(key string) []*collection {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var found []*collection
	for _, namespaced := range []bool{false, true} {
		for _, col := range c.byPrefix[prefixOf(key, namespaced)] {
			if col.resource.Namespaced == namespaced {
				found = append(found, col)
			}
		}
	}
	return found
}

// change decodes one event of the store for one collection.
func (c *cache) change(ctx context.Context, col *collection, e store.Event) change {
	ch := change{key: e.KV.Key[len(col.prefix):], revision: e.KV.ModRevision}
	if e.Type == store.Delete {
		return ch
	}
	ch.entry = c.entry(ctx, col, e.KV)
	return ch
}

// reset forgets everything and ends all watchers.
func (c *cache) reset(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, col := range c.collections {
		col.watchers.endAll(cause)
	}
	c.collections = map[*api.Resource]*collection{}
	c.byPrefix = map[string][]*collection{}
	c.source = nil
}

// collection returns the kind's collection, filled. The first caller fills it,
// which needs one list of the store.
func (c *cache) collection(ctx context.Context, r *api.Resource) (*collection, error) {
	if err := c.following(ctx); err != nil {
		return nil, err
	}
	col, err := c.register(r)
	if err != nil {
		return nil, err
	}
	select {
	case <-col.filled:
		return col, nil
	default:
	}
	select {
	case <-col.filled:
		return col, nil
	case col.filling <- struct{}{}:
		defer func() { <-col.filling }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return col, c.fill(ctx, col)
}

func (c *cache) register(r *api.Resource) (*collection, error) {
	c.mu.RLock()
	kept := keptAs(r)
	col := c.collections[kept]
	c.mu.RUnlock()
	if col != nil {
		return col, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if col = c.collections[kept]; col != nil {
		return col, nil
	}
	if !c.exists(r) { // a request is later than the end of its kind
		return nil, errKindGone
	}
	col = newCollection(kept, c.decode, &c.zips)
	c.collections[kept] = col
	c.byPrefix[col.prefix] = append(c.byPrefix[col.prefix], col)
	return col, nil
}

// forget drops the collection of a resource, which exists no longer, and ends
// its watchers.
func (c *cache) forget(r *api.Resource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	col := c.collections[r]
	if col == nil {
		return
	}
	delete(c.collections, r)
	c.byPrefix[col.prefix] = slices.DeleteFunc(c.byPrefix[col.prefix], func(other *collection) bool { return other == col })
	if len(c.byPrefix[col.prefix]) == 0 {
		delete(c.byPrefix, col.prefix)
	}
	col.watchers.endAll(errKindGone)
}

// fill lists the kind. What changes meanwhile is kept by the collection, since
// it was registered before the list began.
func (c *cache) fill(ctx context.Context, col *collection) error {
	select {
	case <-col.filled:
		return nil
	default:
	}
	c.setListing(col, true)
	entries, revision, err := c.listStored(ctx, col)
	if err == nil {
		err = c.wait(ctx, revision)
	}
	if err != nil {
		c.setListing(col, false)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.stoppedLocked(col); err != nil {
		return err
	}
	col.fillLocked(entries, revision)
	return nil
}

func (c *cache) setListing(col *collection, begin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	col.listLocked(begin)
}

func (c *cache) listStored(ctx context.Context, col *collection) ([]*entry, int64, error) {
	list, err := c.store.List(ctx, store.Prefix(col.prefix), store.ListOptions{})
	if err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", col.prefix, err)
	}
	entries := make([]*entry, 0, len(list.Items))
	for _, kv := range list.Items {
		entries = append(entries, c.entry(ctx, col, kv))
	}
	return entries, list.Revision, nil
}

// wait blocks until the cache has applied every change up to revision.
func (c *cache) wait(ctx context.Context, revision int64) error {
	c.mu.Lock()
	if c.revision >= revision {
		c.mu.Unlock()
		return nil
	}
	reached := make(chan struct{})
	c.waiters = append(c.waiters, waiter{revision, reached})
	source := c.source
	c.mu.Unlock()

	if source != nil {
		// An error means the source is ending: then the next one, or done, wakes us.
		_ = source.Progress(ctx)
	}
	select {
	case <-reached:
		return nil
	case <-c.done:
		return errCacheStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wakeLocked wakes those whose revision has been reached.
func (c *cache) wakeLocked() {
	kept := c.waiters[:0]
	for _, w := range c.waiters {
		if w.revision <= c.revision {
			close(w.reached)
		} else {
			kept = append(kept, w)
		}
	}
	clear(c.waiters[len(kept):])
	c.waiters = kept
}

// applied returns the revision up to which the cache has applied all changes.
func (c *cache) applied() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.revision
}

// fresh waits until the cache is at least as new as the store is now.
func (c *cache) fresh(ctx context.Context) error {
	revision, err := c.store.Revision(ctx)
	if err != nil {
		return err
	}
	if err := c.following(ctx); err != nil {
		return err
	}
	return c.wait(ctx, revision)
}

// following waits until the cache follows the store, unless it has stopped.
func (c *cache) following(ctx context.Context) error {
	select {
	case <-c.ready:
	case <-c.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-c.done:
		return errCacheStopped
	default:
		return nil
	}
}

// objectAt returns an object at just this revision, or nil if the cache has not got it.
func (c *cache) objectAt(r *api.Resource, key string, revision int64) api.Object {
	c.mu.RLock()
	var found *entry
	if col := c.collections[r]; col != nil {
		found = col.entries.get(key)
	}
	c.mu.RUnlock()
	if found.empty() || found.revision != revision {
		return nil
	}
	return found.object()
}

// get returns one entry, or nil, and the cache's revision.
func (c *cache) get(ctx context.Context, r *api.Resource, key string) (*entry, int64, error) {
	col, err := c.collection(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	c.mu.RLock()
	found, revision := col.entries.get(key), c.revision
	c.mu.RUnlock()
	if found == nil || r.Made == nil {
		return found, revision, nil
	}
	made, err := c.into(ctx, r, []*entry{found})
	if err != nil {
		return nil, 0, err
	}
	return made[0], revision, nil
}

// listIndexed is list for entries that have all of some terms. There may be others among them.
func (c *cache) listIndexed(ctx context.Context, r *api.Resource, terms []term, prefix string) ([]*entry, int64, error) {
	col, err := c.collection(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return col.index.narrowest(terms).list(prefix), c.revision, nil
}

// list returns the entries whose key begins with prefix, in order, and the
// revision at which they were just so.
func (c *cache) list(ctx context.Context, r *api.Resource, prefix string) ([]*entry, int64, error) {
	col, err := c.collection(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	c.mu.RLock()
	found, revision := col.entries.list(prefix), c.revision
	c.mu.RUnlock()
	found, err = c.into(ctx, r, found)
	return found, revision, err
}

// counts returns how many objects of each kind there are, for kinds that somebody
// has read.
func (c *cache) counts() map[schema.GroupResource]int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	counts := map[schema.GroupResource]int{}
	for r, col := range c.collections {
		select {
		case <-col.filled:
			counts[r.GroupResource()] = len(col.entries.entries)
		default:
		}
	}
	return counts
}

// count returns how many objects of a kind there are, or 0 if nobody has read it.
func (c *cache) count(r *api.Resource) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	col := c.collections[r]
	if col == nil {
		return 0
	}
	return len(col.entries.entries)
}

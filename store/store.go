package store

import (
	"context"
	"time"
)

// A KeyValue is one key with its value and its place in history.
type KeyValue struct {
	Key   string
	Value []byte

	// CreateRevision is the revision of the write that created the key;
	// ModRevision that of its last write; Version counts the writes since
	// the key was created, starting at 1.
	CreateRevision int64
	ModRevision    int64
	Version        int64

	// Stale says that the value should be written anew, though it is the right one:
	// the store keeps it in a form that it does not write any more, such as
	// encrypted with a key that has been replaced. Most stores never say so.
	Stale bool

	// Expires is when the store deletes the key by itself. Zero means never.
	Expires time.Time
}

// A Range selects the keys k with Start <= k < End, compared byte by byte.
// An empty End means no upper bound, so the zero Range is every key.
type Range struct {
	Start, End string
}

// ListOptions say what part of a range a list returns.
type ListOptions struct {
	// Revision is the revision to read at. Zero means the current one.
	Revision int64
	// Limit is the most items to return. Zero means all of them.
	Limit int
	// KeysOnly leaves the values out.
	KeysOnly bool
	// CountOnly returns no items, only the count.
	CountOnly bool
}

// A ListResult is one page of a range.
type ListResult struct {
	// Items are in key order.
	Items []KeyValue
	// Revision is the revision the page was read at: the one asked for, or
	// the current one. A watch from it misses nothing and repeats nothing.
	Revision int64
	// Count is the number of keys in the whole range at that revision,
	// whatever the limit.
	Count int64
}

// An EventType says what a change did to its key.
type EventType int

// The kinds of change.
const (
	// Put is a create or an update.
	Put EventType = iota
	// Delete is a removal, by a caller or because the time to live ran out.
	Delete
)

// An Event is one change to one key.
type Event struct {
	Type EventType
	// KV is the key after the change. For a Delete it has only the key and,
	// as ModRevision, the revision of the deletion.
	KV KeyValue
	// Prev is the key as it was before. It is nil for a create, and only then.
	Prev *KeyValue
}

// IsCreate reports whether the event created its key.
func (e Event) IsCreate() bool { return e.Type == Put && e.Prev == nil }

// A Batch is what a watch delivers at once.
type Batch struct {
	// Events are in revision order. The events of one revision are never
	// split over two batches. Empty for a batch that only reports progress.
	Events []Event
	// Revision says that every change in the range up to and including this
	// revision has now been delivered.
	Revision int64
}

// A Store is a versioned key-value store with watch: the memory of a cluster.
//
// Every write gets the next revision of one global counter, which starts at 1
// for an empty store, so the first write is revision 2 (as in etcd). Reads are
// linearizable: a read that starts after a write returned sees that write.
//
// All methods are safe for concurrent use. A method whose context ends returns
// the context's error; a write that returns such an error may or may not have
// happened. After Close every method returns [ErrClosed].
//
// Byte slices passed in belong to the store from then on, and those it returns
// are shared: nobody may modify either.
type Store interface {
	Reader
	Writer

	// Watch delivers the changes to the keys of r with a revision greater
	// than after, oldest first. Zero means from now on. An after from before
	// the last compaction fails with [ErrCompacted], one in the future with
	// [ErrFutureRevision]. Watch itself does not block; see [Watcher]. The
	// watch ends when ctx does: Next then returns the context's error.
	Watch(ctx context.Context, r Range, after int64) (Watcher, error)

	// Compact forgets history: afterwards reads at revisions below rev, and
	// watches from before it, fail with ErrCompacted. The state at rev and all
	// that came later stay readable. Compacting at or below the last compacted
	// revision fails with ErrCompacted, in the future with ErrFutureRevision.
	Compact(ctx context.Context, rev int64) error

	// Close releases what the store holds and ends its watches with ErrClosed.
	// It waits for calls under way. Closing twice is allowed.
	Close() error
}

// A Reader is the reading half of a [Store].
type Reader interface {
	// Revision returns the current revision.
	Revision(ctx context.Context) (int64, error)

	// Get returns the key as of revision rev, zero meaning the current one,
	// and the revision that was read at. A key that is not there gives
	// [ErrNotFound]; the returned revision is valid then too. A rev from
	// before the last compaction gives ErrCompacted, one in the future
	// ErrFutureRevision.
	Get(ctx context.Context, key string, rev int64) (KeyValue, int64, error)

	// List returns the keys of r in order. Errors are those of Get, without
	// ErrNotFound: an empty range is an empty result.
	List(ctx context.Context, r Range, opts ListOptions) (ListResult, error)
}

// A Writer is the writing half of a [Store]. Each successful write returns its
// revision. An empty key and a negative time to live are refused. A time to live of zero means for ever; otherwise the store deletes
// the key, as an ordinary Delete event, within a second after it ran out.
type Writer interface {
	// Create writes a key that must not exist: [ErrExists] otherwise, as a
	// [*ConflictError] that carries the key found.
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) (int64, error)

	// Update writes a key whose ModRevision must be ifRevision, zero meaning
	// any. A key that is not there gives ErrNotFound, another revision
	// [ErrConflict], as a [*ConflictError] that carries the key found. The ttl
	// replaces an earlier one.
	Update(ctx context.Context, key string, value []byte, ifRevision int64, ttl time.Duration) (int64, error)

	// Delete removes a key whose ModRevision must be ifRevision, zero meaning
	// any, and returns it as it was. Errors are those of Update.
	Delete(ctx context.Context, key string, ifRevision int64) (KeyValue, int64, error)
}

// A Watcher is a cursor into the store's history. It is used by one goroutine
// at a time, except for Progress and Close, which any goroutine may call.
//
// A watcher holds no events of its own: it reads them from the history that
// the store keeps for everybody. A slow watcher therefore costs no memory; when
// a compaction overtakes it, Next returns [ErrCompacted] and the reader must
// list again.
type Watcher interface {
	// Next blocks until there is something to deliver and returns it. After
	// an error the watcher is finished.
	Next(ctx context.Context) (Batch, error)

	// Progress asks that Next soon returns a batch, without events if there
	// are none, whose Revision is at least the store's current one.
	Progress(ctx context.Context) error

	// Close ends the watch: a Next under way returns ErrClosed.
	Close() error
}

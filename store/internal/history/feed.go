package history

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/coracle-k8s/coracle/store"
)

// A Feed is the current [State] and those who wait for the next one. All
// methods are safe for concurrent use, but one Publish at a time.
type Feed struct {
	state  atomic.Pointer[State]
	closed chan struct{} // closed by Close

	mu       sync.Mutex // guards watchers, and closing
	watchers map[*Watcher]struct{}
}

// NewFeed returns a feed whose first state is s.
func NewFeed(s State) *Feed {
	f := &Feed{closed: make(chan struct{}), watchers: map[*Watcher]struct{}{}}
	f.state.Store(&s)
	return f
}

// State returns the published state. An ended ctx gives its error, a closed
// feed [store.ErrClosed].
func (f *Feed) State(ctx context.Context) (*State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-f.closed:
		return nil, store.ErrClosed
	default:
		return f.state.Load(), nil
	}
}

// Publish makes next the state that everybody sees, and wakes the watchers of
// the keys that changed since the one before. It does not block.
func (f *Feed) Publish(next State) {
	before := f.state.Swap(&next)
	if next.Revision() == before.Revision() {
		return // a compaction
	}
	changes := next.Since(before.Revision())
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers {
		w.look(changes)
	}
}

// Watch implements [store.Store].
func (f *Feed) Watch(ctx context.Context, r store.Range, after int64) (*Watcher, error) {
	if _, err := f.State(ctx); err != nil {
		return nil, err
	}
	w := &Watcher{feed: f, ctx: ctx, keys: r, wake: make(chan struct{}, 1), closed: make(chan struct{})}

	// From here on the watcher hears of changes. So what it may have missed is
	// in the state that is loaded next.
	f.mu.Lock()
	f.watchers[w] = struct{}{}
	f.mu.Unlock()

	state := f.state.Load()
	w.delivered = state.Revision()
	if after != 0 && after != w.delivered {
		if err := state.kept(after); err != nil {
			f.forget(w)
			return nil, fmt.Errorf("watch %s after %w", r.Start, err)
		}
		w.delivered = after
		w.pending.Store(after + 1)
		w.ring()
	}
	w.detach = context.AfterFunc(ctx, func() { f.forget(w) })
	return w, nil
}

// forget drops a watcher.
func (f *Feed) forget(w *Watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.watchers, w)
}

// Closed is closed when the feed is.
func (f *Feed) Closed() <-chan struct{} { return f.closed }

// Close ends the feed and its watchers. It reports whether this was the first
// call.
func (f *Feed) Close() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.closed:
		return false
	default:
		close(f.closed)
		return true
	}
}

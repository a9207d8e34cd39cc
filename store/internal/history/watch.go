package history

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/coracle-k8s/coracle/store"
)

// maxBatch is the most events in a batch, so that a watcher that starts far in
// the past gets it in portions.
const maxBatch = 1024

// firstBatch is for how many events a batch has room at first: as many as a
// busy store writes at once.
const firstBatch = 64

// A Watcher is a cursor into the log of a [Feed].
type Watcher struct {
	feed *Feed
	ctx  context.Context // of the whole watch
	keys store.Range

	// delivered is the revision up to which Next has delivered all. Only the
	// goroutine in Next uses it.
	delivered int64

	// pending is the first revision of a change in keys that Next may not have
	// seen, zero if there is none. While it is zero, compaction cannot
	// overtake the watcher: nothing that it waits for is forgotten.
	pending atomic.Int64
	// progress says that Progress was called.
	progress atomic.Bool
	// wake holds a token when pending or progress was set.
	wake chan struct{}

	once   sync.Once
	closed chan struct{}
	detach func() bool // from ctx
}

var _ store.Watcher = (*Watcher)(nil)

// look tells the watcher of the first of the changes that is in its range. It will
// find the others by itself.
func (w *Watcher) look(changes []Change) {
	for _, c := range changes {
		if w.keys.Contains(c.KV.Key) {
			if w.pending.CompareAndSwap(0, c.KV.ModRevision) {
				w.ring()
			}
			return
		}
	}
}

// ring wakes a Next that waits, or makes the next one not wait.
func (w *Watcher) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Next implements [store.Watcher].
func (w *Watcher) Next(ctx context.Context) (store.Batch, error) {
	for {
		if err := w.ended(ctx); err != nil {
			return store.Batch{}, err
		}
		batch, err := w.read()
		if err != nil || batch.Revision != 0 {
			return batch, err
		}
		select {
		case <-w.wake:
		case <-w.closed:
		case <-w.feed.closed:
		case <-w.ctx.Done():
		case <-ctx.Done():
		}
	}
}

// ended returns why the watch, or this call of Next, is over, nil if it is not.
func (w *Watcher) ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	select {
	case <-w.closed:
		return store.ErrClosed
	case <-w.feed.closed:
		return store.ErrClosed
	default:
		return nil
	}
}

// read returns what there is to deliver, a zero batch if there is nothing.
func (w *Watcher) read() (store.Batch, error) {
	// First take the flags, then look at the state: what is published in
	// between sets them again, and is looked for in vain the next time.
	pending, progress := w.pending.Swap(0), w.progress.Swap(false)
	state := w.feed.state.Load()
	if pending == 0 && !progress {
		return store.Batch{}, nil
	}
	from := w.delivered
	switch {
	case pending != 0: // up to there, there is nothing for this watcher
		from = max(from, pending-1)
	case w.pending.Load() != 0: // a change came in between, and must be read
		w.again(progress)
		return store.Batch{}, nil
	default: // nothing was missed, so nothing that is forgotten either
		from = max(from, state.base)
	}
	if err := state.kept(from); err != nil {
		return store.Batch{}, fmt.Errorf("watch %s after %w", w.keys.Start, err)
	}
	batch := w.scan(state, from)
	w.delivered = batch.Revision
	if w.delivered < state.Revision() { // more than fits into a batch
		w.pending.Store(w.delivered + 1)
		w.again(progress)
	} else if len(batch.Events) == 0 && !progress {
		return store.Batch{}, nil
	}
	return batch, nil
}

// again makes Next read once more.
func (w *Watcher) again(progress bool) {
	if progress {
		w.progress.Store(true)
	}
	w.ring()
}

// scan collects the events after the revision from.
func (w *Watcher) scan(state *State, from int64) store.Batch {
	batch := store.Batch{Revision: from}
	changes := state.Since(from)
	for i := range changes {
		if len(batch.Events) == maxBatch {
			break
		}
		c := &changes[i]
		batch.Revision = c.KV.ModRevision
		if !w.keys.Contains(c.KV.Key) {
			continue
		}
		if batch.Events == nil {
			batch.Events = make([]store.Event, 0, min(len(changes)-i, firstBatch))
		}
		batch.Events = append(batch.Events, c.Event())
	}
	return batch
}

// Progress implements [store.Watcher].
func (w *Watcher) Progress(ctx context.Context) error {
	if err := w.ended(ctx); err != nil {
		return err
	}
	w.progress.Store(true)
	w.ring()
	return nil
}

// Close implements [store.Watcher].
func (w *Watcher) Close() error {
	w.once.Do(func() {
		if w.detach != nil {
			w.detach()
		}
		close(w.closed)
		w.feed.forget(w)
	})
	return nil
}

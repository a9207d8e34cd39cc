package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coracle-k8s/coracle/store"
)

// askAgain is how often a progress request is repeated: etcd drops one that it
// cannot answer at once. kube-apiserver does the same.
const askAgain = 100 * time.Millisecond

// A watcher is a watch of etcd's client.
type watcher struct {
	store     *Store
	ctx       context.Context // of the caller of Watch
	watching  context.Context // ends with ctx, the store, or Close
	cancel    context.CancelFunc
	responses clientv3.WatchChan
	delivered int64        // of the last batch
	wanted    atomic.Int64 // the revision to which progress was asked for
	closed    atomic.Bool
}

// Watch implements [store.Store]. It asks etcd for the revision, and so takes a
// moment. That history was compacted away may be found out by Next only.
func (s *Store) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	now, err := s.Revision(ctx)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", r.Start, err)
	}
	switch {
	case after > now:
		return nil, fmt.Errorf("watch %s after revision %d of %d: %w", r.Start, after, now, store.ErrFutureRevision)
	case after < 0:
		return nil, fmt.Errorf("watch %s after revision %d: %w", r.Start, after, store.ErrCompacted)
	case after == 0:
		after = now
	}
	watching, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	detach := context.AfterFunc(s.closing, cancel)
	start, with := bounds(r)
	with = append(with, clientv3.WithRev(after+1), clientv3.WithPrevKV())
	return &watcher{
		store: s, ctx: ctx, watching: watching, cancel: func() { detach(); cancel() },
		responses: s.client.Watch(watching, start, with...),
		delivered: after,
	}, nil
}

// Next implements [store.Watcher].
func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		if err := w.ended(ctx); err != nil {
			return store.Batch{}, err
		}
		select {
		case <-ctx.Done():
		case <-w.watching.Done():
		case <-again.C:
			if w.wanted.Load() > w.delivered {
				if err := w.request(); err != nil && w.ended(ctx) == nil {
					return store.Batch{}, err
				}
			}
		case response, ok := <-w.responses:
			if err := w.ended(ctx); err != nil {
				return store.Batch{}, err
			}
			if !ok {
				return store.Batch{}, store.ErrClosed
			}
			if batch, err := w.batch(response); err != nil || batch.Revision != 0 {
				return batch, err
			}
		}
	}
}

// ended returns why the watch, or this call of Next, is over.
func (w *watcher) ended(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case w.closed.Load() || w.store.closing.Err() != nil:
		return store.ErrClosed
	}
	return w.ctx.Err()
}

// batch returns a response of etcd as a batch, a zero one if it says nothing.
func (w *watcher) batch(response clientv3.WatchResponse) (store.Batch, error) {
	if err := response.Err(); errors.Is(err, rpctypes.ErrCompacted) {
		return store.Batch{}, fmt.Errorf("watch after revision %d: %w", w.delivered, store.ErrCompacted)
	} else if err != nil {
		return store.Batch{}, fmt.Errorf("watch after revision %d: %w", w.delivered, err)
	}
	var batch store.Batch
	for _, e := range response.Events {
		batch.Events = append(batch.Events, event(e))
		// The header of a response with events may be of a later revision,
		// with more to come before it.
		batch.Revision = e.Kv.ModRevision
	}
	if response.IsProgressNotify() {
		batch.Revision = response.Header.Revision
	}
	w.delivered = max(w.delivered, batch.Revision)
	return batch, nil
}

// event returns an event of etcd as one of the store.
func event(e *clientv3.Event) store.Event {
	out := store.Event{KV: keyValue(e.Kv)}
	if e.Type == mvccpb.Event_DELETE {
		out.Type = store.Delete
		out.KV = store.KeyValue{Key: out.KV.Key, ModRevision: out.KV.ModRevision}
	}
	if e.PrevKv != nil {
		was := keyValue(e.PrevKv)
		out.Prev = &was
	}
	return out
}

// Progress implements [store.Watcher].
func (w *watcher) Progress(ctx context.Context) error {
	if err := w.ended(ctx); err != nil {
		return err
	}
	now, err := w.store.Revision(ctx)
	if err != nil {
		return err
	}
	w.wanted.Store(now)
	return w.request()
}

// request asks etcd for progress on the stream of this watch.
func (w *watcher) request() error {
	return w.store.client.RequestProgress(w.watching)
}

// Close implements [store.Watcher].
func (w *watcher) Close() error {
	w.closed.Store(true)
	w.cancel()
	return nil
}

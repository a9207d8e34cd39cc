package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

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
	delivered int64         // of the last batch
	wanted    atomic.Int64  // the revision to which progress was asked for, zero if it was not
	wake      chan struct{} // holds a token when it was
	closed    atomic.Bool
}

// ownStream returns a context whose watch has a gRPC stream of its own: etcd's
// client has one for each set of metadata. On a stream that is shared etcd answers
// a progress request only when all watches of the stream could be, and never while
// one of them starts at a revision to come.
func (s *Store) ownStream(ctx context.Context) context.Context {
	id := strconv.FormatInt(s.watches.Add(1), 10)
	return metadata.AppendToOutgoingContext(clientv3.WithRequireLeader(ctx), "coracle-watch", id)
}

// Watch implements [store.Store]. It asks etcd for the revision, and so takes a
// moment. That history was compacted away may be found out by Next only.
func (s *Store) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	// A read says whether that revision is there, and which is the current one.
	// etcd's own watch accepts one that is a little too old: it keeps the last
	// change of what it compacts.
	list, err := s.List(ctx, store.Key(noKey), store.ListOptions{Revision: after})
	if err != nil {
		return nil, fmt.Errorf("watch after revision %d: %w", after, err)
	}
	after = list.Revision
	watching, cancel := context.WithCancel(s.ownStream(ctx))
	detach := context.AfterFunc(s.closing, cancel)
	start, with := bounds(r)
	with = append(with, clientv3.WithRev(after+1), clientv3.WithPrevKV())
	return &watcher{
		store: s, ctx: ctx, watching: watching, cancel: func() { detach(); cancel() },
		responses: s.client.Watch(watching, start, with...),
		delivered: after,
		wake:      make(chan struct{}, 1),
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
		if wanted := w.wanted.Load(); wanted != 0 && w.delivered >= wanted && w.wanted.CompareAndSwap(wanted, 0) {
			return store.Batch{Revision: w.delivered}, nil // etcd has nothing to add
		}
		select {
		case <-ctx.Done():
		case <-w.watching.Done():
		case <-w.wake:
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
	if wanted := w.wanted.Load(); batch.Revision >= wanted {
		w.wanted.CompareAndSwap(wanted, 0)
	}
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
	select {
	case w.wake <- struct{}{}:
	default:
	}
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

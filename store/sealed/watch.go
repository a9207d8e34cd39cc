package sealed

import (
	"context"

	"github.com/coracle-k8s/coracle/store"
)

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	w, err := s.inner.Watch(ctx, r, after)
	if err != nil {
		return nil, err
	}
	return &watcher{Watcher: w, store: s}, nil
}

// A watcher opens what another one delivers.
type watcher struct {
	store.Watcher
	store *Store
}

// Next implements store.Watcher.
func (w *watcher) Next(ctx context.Context) (store.Batch, error) {
	batch, err := w.Watcher.Next(ctx)
	if err != nil || len(batch.Events) == 0 {
		return batch, err
	}
	events := make([]store.Event, len(batch.Events)) // those of the inner store are shared
	for i, e := range batch.Events {
		if e.Type == store.Put {
			w.store.openOrClear(&e.KV)
		}
		if e.Prev != nil {
			prev := *e.Prev
			w.store.openOrClear(&prev)
			e.Prev = &prev
		}
		events[i] = e
	}
	batch.Events = events
	return batch, nil
}

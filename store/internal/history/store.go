package history

import (
	"context"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// A Store is what all stores that keep a history have in common. It reads what a
// [Feed] publishes; how a write gets there is up to the store that embeds it.
type Store struct {
	feed  *Feed
	write WriteFunc
}

// A WriteFunc decides a write, publishes what came of it and returns that. It is
// called concurrently.
type WriteFunc func(context.Context, Write) (Change, error)

// NewStore returns what a store can embed.
func NewStore(f *Feed, write WriteFunc) Store { return Store{f, write} }

// Revision implements [store.Reader].
func (s Store) Revision(ctx context.Context) (int64, error) {
	state, err := s.feed.State(ctx)
	if err != nil {
		return 0, err
	}
	return state.Revision(), nil
}

// Get implements [store.Reader].
func (s Store) Get(ctx context.Context, key string, rev int64) (store.KeyValue, int64, error) {
	state, err := s.feed.State(ctx)
	if err != nil {
		return store.KeyValue{}, 0, err
	}
	return state.Get(key, rev)
}

// List implements [store.Reader].
func (s Store) List(ctx context.Context, r store.Range, opts store.ListOptions) (store.ListResult, error) {
	state, err := s.feed.State(ctx)
	if err != nil {
		return store.ListResult{}, err
	}
	return state.List(r, opts)
}

// Watch implements [store.Store].
func (s Store) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	w, err := s.feed.Watch(ctx, r, after)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Create implements [store.Writer].
func (s Store) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (int64, error) {
	return s.put(ctx, Write{Op: Create, Key: key, Value: value}, ttl)
}

// Update implements [store.Writer].
func (s Store) Update(ctx context.Context, key string, value []byte, ifRevision int64, ttl time.Duration) (int64, error) {
	return s.put(ctx, Write{Op: Update, Key: key, Value: value, IfRevision: ifRevision}, ttl)
}

func (s Store) put(ctx context.Context, w Write, ttl time.Duration) (int64, error) {
	if err := w.SetTTL(ttl); err != nil {
		return 0, err
	}
	change, err := s.write(ctx, w)
	if err != nil {
		return 0, err
	}
	return change.KV.ModRevision, nil
}

// Delete implements [store.Writer].
func (s Store) Delete(ctx context.Context, key string, ifRevision int64) (store.KeyValue, int64, error) {
	change, err := s.write(ctx, Write{Op: Delete, Key: key, IfRevision: ifRevision})
	if err != nil {
		return store.KeyValue{}, 0, err
	}
	return *change.Prev, change.KV.ModRevision, nil
}

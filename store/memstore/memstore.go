package memstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/history"
)

// A Store is a [store.Store] in memory. Make one with [New].
type Store struct {
	feed    *history.Feed // the current state, and who watches
	expiry  *history.Expiry
	writing sync.Mutex     // held while a state is replaced by the next
	running sync.WaitGroup // the expiry's goroutine
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.Snapshotter = (*Store)(nil)
)

// New returns an empty store. It owns one goroutine, which deletes keys when
// their time to live is over, and which ends with [Store.Close].
func New() *Store {
	s := &Store{feed: history.NewFeed(history.New()), expiry: history.NewExpiry()}
	s.running.Go(func() { s.expiry.Run(s.feed.Closed(), s.expire) })
	return s
}

// Create implements [store.Writer].
func (s *Store) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (int64, error) {
	return s.put(ctx, history.Write{Op: history.Create, Key: key, Value: value}, ttl)
}

// Update implements [store.Writer].
func (s *Store) Update(ctx context.Context, key string, value []byte, ifRevision int64, ttl time.Duration) (int64, error) {
	return s.put(ctx, history.Write{Op: history.Update, Key: key, Value: value, IfRevision: ifRevision}, ttl)
}

func (s *Store) put(ctx context.Context, w history.Write, ttl time.Duration) (int64, error) {
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
func (s *Store) Delete(ctx context.Context, key string, ifRevision int64) (store.KeyValue, int64, error) {
	change, err := s.write(ctx, history.Write{Op: history.Delete, Key: key, IfRevision: ifRevision})
	if err != nil {
		return store.KeyValue{}, 0, err
	}
	return *change.Prev, change.KV.ModRevision, nil
}

// write is the one way a key changes.
func (s *Store) write(ctx context.Context, w history.Write) (history.Change, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	state, err := s.feed.State(ctx)
	if err != nil {
		return history.Change{}, err
	}
	change, err := state.Decide(w)
	if err != nil {
		return history.Change{}, err
	}
	s.feed.Publish(state.With(change))
	s.expiry.Add(change.KV)
	return change, nil
}

// expire deletes the keys whose time is over.
func (s *Store) expire(due []history.Write) error {
	for _, w := range due {
		_, err := s.write(context.Background(), w)
		if errors.Is(err, store.ErrClosed) {
			return err
		}
		// Other errors say that the key was written or deleted meanwhile.
	}
	return nil
}

// Revision implements [store.Reader].
func (s *Store) Revision(ctx context.Context) (int64, error) {
	state, err := s.feed.State(ctx)
	if err != nil {
		return 0, err
	}
	return state.Revision(), nil
}

// Get implements [store.Reader].
func (s *Store) Get(ctx context.Context, key string, rev int64) (store.KeyValue, int64, error) {
	state, err := s.feed.State(ctx)
	if err != nil {
		return store.KeyValue{}, 0, err
	}
	return state.Get(key, rev)
}

// List implements [store.Reader].
func (s *Store) List(ctx context.Context, r store.Range, opts store.ListOptions) (store.ListResult, error) {
	state, err := s.feed.State(ctx)
	if err != nil {
		return store.ListResult{}, err
	}
	return state.List(r, opts)
}

// Watch implements [store.Store].
func (s *Store) Watch(ctx context.Context, r store.Range, after int64) (store.Watcher, error) {
	w, err := s.feed.Watch(ctx, r, after)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Compact implements [store.Store].
func (s *Store) Compact(ctx context.Context, rev int64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	state, err := s.feed.State(ctx)
	if err != nil {
		return err
	}
	next, err := state.Compact(rev)
	if err != nil {
		return err
	}
	s.feed.Publish(next)
	return nil
}

// Snapshot implements [store.Snapshotter]. Reads and writes go on meanwhile, however
// slow w is. A boltstore can be restored from what it writes.
func (s *Store) Snapshot(w io.Writer) error {
	state, err := s.feed.State(context.Background())
	if err != nil {
		return err
	}
	if err := history.WriteSnapshot(w, *state); err != nil {
		return fmt.Errorf("snapshot at revision %d: %w", state.Revision(), err)
	}
	return nil
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.writing.Lock() // until calls under way are done
	s.feed.Close()
	s.writing.Unlock()
	s.running.Wait()
	return nil
}

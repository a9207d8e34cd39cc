package memstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/history"
)

// A Store is a [store.Store] in memory. Make one with [New].
type Store struct {
	common                // reads, and writes by the method write
	feed    *history.Feed // the current state, and who watches
	expiry  *history.Expiry
	writing sync.Mutex     // held while a state is replaced by the next
	running sync.WaitGroup // the expiry's goroutine
}

// common is what stores with a history share.
type common = history.Store

var (
	_ store.Store       = (*Store)(nil)
	_ store.Snapshotter = (*Store)(nil)
)

// New returns an empty store. It owns one goroutine, which deletes keys when
// their time to live is over, and which ends with [Store.Close].
func New() *Store {
	s := &Store{feed: history.NewFeed(history.New()), expiry: history.NewExpiry()}
	s.common = history.NewStore(s.feed, s.write)
	s.running.Go(func() { s.expiry.Run(s.feed.Closed(), s.expire) })
	return s
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

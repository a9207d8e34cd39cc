package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/history"
	"github.com/coracle-k8s/coracle/store/internal/wal"
)

// Options are the choices one has in [Open]. The zero value is fine.
type Options struct {
	// LockTimeout is how long Open waits for another process to let go of the
	// file. Zero means one second.
	LockTimeout time.Duration
	// MaxSize is the most bytes that the file may grow to; writes beyond fail
	// with [ErrFull]. Zero means as much as the disk has. The file grows in
	// steps of 16 MiB. The journal beside it takes up to a quarter of that more.
	MaxSize int

	openLog func(path string, flag int, mode os.FileMode) (wal.File, error) // tests have others
}

// A Store is a [store.Store] in a file. Make one with [Open].
type Store struct {
	common  // reads, and writes by the method write
	disk    *disk
	journal *journal      // the way to it
	feed    *history.Feed // the state that is on disk, and who watches it
	expiry  *history.Expiry

	requests    chan *request   // writes that wait for the next commit
	compactions chan compaction // see compact.go
	compacting  sync.Mutex      // held while history moves on disk

	closing chan struct{} // closed when Close was called
	once    sync.Once
	writer  sync.WaitGroup // the goroutine in serve
	others  sync.WaitGroup // those of expiry and journal
	result  error          // of Close
}

// common is what stores with a history share.
type common = history.Store

var (
	_ store.Store       = (*Store)(nil)
	_ store.Snapshotter = (*Store)(nil)
	_ store.Sizer       = (*Store)(nil)
)

// Open opens the store in the file at path, and creates it if it is not there.
// The folder must exist; the journal is two more files in it, with the names path.log1
// and path.log2, while the store is open. Three goroutines belong to the store from then on, until
// [Store.Close].
//
// It fails with [ErrLocked] if another process has the file open, with
// [ErrCorrupt] if the file is damaged, and with what the system says if it
// cannot be read or written.
func Open(path string, opts Options) (*Store, error) {
	disk, err := openDisk(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	state, err := disk.load()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", closeAfter(err, disk))
	}
	journal, state, err := openJournal(disk, state)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", closeAfter(err, disk))
	}
	s := &Store{
		disk: disk, journal: journal, feed: history.NewFeed(state), expiry: history.NewExpiry(),
		requests: make(chan *request, maxBatch), compactions: make(chan compaction),
		closing: make(chan struct{}),
	}
	s.common = history.NewStore(s.feed, s.write)
	for kv := range state.Live {
		s.expiry.Add(kv)
	}
	s.writer.Go(s.serve)
	s.others.Go(func() { s.expiry.Run(s.closing, s.expire) })
	s.others.Go(func() { s.journal.run(s.closing) })
	return s, nil
}

// Path returns the name of the file.
func (s *Store) Path() string { return s.disk.path }

// Size returns the size of the file and its journal in bytes. It implements [store.Sizer].
func (s *Store) Size() (int64, error) { return s.disk.size() }

// Close implements [store.Store]. Writes that have been accepted are on disk
// when it returns.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closing)
		s.writer.Wait()
		revision, _ := s.Revision(context.Background()) // the feed is open
		s.feed.Close()                                  // those who still wait get ErrClosed
		s.others.Wait()
		s.compacting.Lock() // until a compaction under way is done
		defer s.compacting.Unlock()
		s.result = errors.Join(s.journal.close(revision), s.disk.close())
	})
	return s.result
}

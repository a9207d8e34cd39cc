package boltstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/record"
)

const (
	// compactStep is how many revisions move in one transaction. Writers wait
	// for one step at most.
	compactStep = 250
	// copyStep is how many bytes go into the new file in one transaction, which holds
	// them in memory.
	copyStep = 1 << 20
	// reclaimAbove is how many unused bytes in the file are worth a rewrite.
	reclaimAbove = 16 << 20
)

// A compaction is a request to forget.
type compaction struct {
	revision int64
	done     chan error // has room for the one answer
}

// Compact implements [store.Store]. When it returns, the history is gone from
// disk too. An error that is none of the store's own says that it is gone from
// memory only; the next compaction makes up for it.
func (s *Store) Compact(ctx context.Context, rev int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := compaction{rev, make(chan error, 1)}
	select {
	case s.compactions <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return store.ErrClosed
	}
	if err := <-c.done; err != nil {
		return err
	}
	s.compacting.Lock()
	defer s.compacting.Unlock()
	if err := s.journal.flush(rev); err != nil {
		return fmt.Errorf("compact at revision %d: %w", rev, err)
	}
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := s.feed.State(ctx); err != nil {
			return err // closed meanwhile
		}
		var err error
		if done, err = s.disk.compactSome(rev); err != nil {
			return fmt.Errorf("compact at revision %d: %w", rev, err)
		}
		s.disk.release()
	}
	if err := s.disk.reclaim(); err != nil {
		return fmt.Errorf("return space after compaction: %w", err)
	}
	return nil
}

// forget drops the history before a revision from memory. It runs in serve.
func (s *Store) forget(revision int64) error {
	state, err := s.feed.State(context.Background())
	if err != nil {
		return err
	}
	next, err := state.Compact(revision)
	if err != nil {
		return err
	}
	s.feed.Publish(next)
	return nil
}

// compactSome moves the oldest changes of the log, up to a revision, to the
// keys. It moves at most compactStep and reports whether none are left. What it
// leaves on disk is always a whole store, compacted a little further.
func (d *disk) compactSome(upTo int64) (done bool, err error) {
	err = d.update(func(tx *bolt.Tx) error {
		keys, log, meta := tx.Bucket(keysBucket), tx.Bucket(logBucket), tx.Bucket(metaBucket)
		compacted, err := revisionOf(meta.Get(compactedKey))
		if err != nil || compacted >= upTo {
			done = true
			return err
		}
		compacted, last, err := oldest(log, upTo)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(last)) {
			if err := moveTo(keys, key, last[key]); err != nil {
				return err
			}
		}
		done = compacted == upTo
		return meta.Put(compactedKey, revisionKey(compacted))
	})
	return done, err
}

// oldest takes the first changes out of the log, up to a revision. It returns
// the last revision it took, upTo if there is no more to take, and the last
// record of each key.
func oldest(log *bolt.Bucket, upTo int64) (int64, map[string][]byte, error) {
	records := map[string][]byte{}
	cursor := log.Cursor()
	taken, count := upTo, 0
	for k, v := cursor.First(); k != nil; k, v = cursor.First() {
		revision, err := revisionOf(k)
		if err != nil {
			return 0, nil, err
		}
		if revision > upTo {
			return upTo, records, nil
		}
		if count++; count > compactStep {
			return taken, records, nil
		}
		_, kv, err := record.Decode(v)
		if err != nil {
			return 0, nil, fmt.Errorf("revision %d: %w", revision, err)
		}
		taken, records[kv.Key] = revision, slices.Clone(v)
		if err := cursor.Delete(); err != nil {
			return 0, nil, err
		}
	}
	return upTo, records, nil
}

// moveTo applies the record of a change to the keys.
func moveTo(keys *bolt.Bucket, key string, b []byte) error {
	t, _, err := record.Decode(b)
	switch {
	case err != nil:
		return err
	case t == store.Delete:
		return keys.Delete([]byte(key))
	}
	return keys.Put([]byte(key), b)
}

// reclaim writes the file anew if more than half of it, and more than
// reclaimAbove, is unused. Writers wait meanwhile; readers do not notice.
//
// The new file takes the name of the old one while both are open and locked, so
// another process finds the name locked at every instant. Windows does not allow
// that; there the space stays in the file, to be used again.
func (d *disk) reclaim() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	free := int64(d.db.Stats().FreeAlloc)
	if free < reclaimAbove || free < info.Size()/2 || runtime.GOOS == "windows" {
		return nil
	}
	fresh := &disk{path: d.rewritten(), opts: d.opts}
	if err := d.copyTo(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh.path, d.path); err != nil {
		return errors.Join(err, fresh.close(), os.Remove(fresh.path))
	}
	old := d.db
	d.db, d.file = fresh.db, fresh.file
	if err := syncDir(filepath.Dir(d.path)); err != nil {
		return d.fail(err) // a power cut could bring the old file back
	}
	return old.Close()
}

// copyTo opens fresh and writes the database to it, without the unused pages.
func (d *disk) copyTo(fresh *disk) (err error) {
	defer faultsPanic()()
	defer catch(&err, d.path)
	f, err := os.Create(fresh.path)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	err = fresh.open(&bolt.Options{
		Timeout:      d.opts.LockTimeout,
		FreelistType: bolt.FreelistMapType,
		MaxSize:      d.opts.MaxSize,
		NoSync:       true,
	})
	if err != nil {
		return errors.Join(err, os.Remove(fresh.path))
	}
	err = bolt.Compact(fresh.db, d.db, copyStep)
	if err == nil {
		err = fresh.db.Sync()
	}
	if err != nil {
		return errors.Join(err, fresh.close(), os.Remove(fresh.path))
	}
	fresh.db.NoSync = false
	return nil
}

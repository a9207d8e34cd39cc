package boltstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	bolt "go.etcd.io/bbolt"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/history"
	"github.com/coracle-k8s/coracle/store/internal/record"
)

// Snapshot writes all that the store holds at this moment, its history too, to
// w. Reads and writes go on meanwhile, however slow w is. It implements
// [store.Snapshotter].
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

// Restore makes a data file of a snapshot. It reads and checks the whole
// snapshot first, and never overwrites: the data file must not exist.
//
// The store in it is the one of the moment of the snapshot, with the same
// revisions. Clients that have seen later ones must be started again, as they
// would take what is written next for what they already know; or use
// [RestoreAhead].
func Restore(snapshotPath, dataPath string) error {
	return RestoreAhead(snapshotPath, dataPath, 0)
}

// RestoreAhead is [Restore] with the revision raised by that many, and with the
// history before it compacted. More than were written since the snapshot was
// taken makes every client, whatever it has seen, list again. In etcd that is
// "etcdutl snapshot restore --bump-revision N --mark-compacted".
func RestoreAhead(snapshotPath, dataPath string, revisions int64) error {
	if _, err := os.Stat(dataPath); err == nil {
		return fmt.Errorf("restore to %s: %w", dataPath, os.ErrExist)
	}
	state, err := readSnapshot(snapshotPath)
	if err != nil {
		return fmt.Errorf("restore from %s: %w", snapshotPath, err)
	}
	if revisions > 0 {
		var keys []*store.KeyValue
		for kv := range state.Live {
			keys = append(keys, kv)
		}
		state = history.Load(state.Revision()+revisions, keys)
	}
	if err := createFile(dataPath, state); err != nil {
		return fmt.Errorf("restore to %s: %w", dataPath, err)
	}
	return nil
}

func readSnapshot(path string) (history.State, error) {
	f, err := os.Open(path)
	if err != nil {
		return history.State{}, err
	}
	defer f.Close()
	return history.ReadSnapshot(f)
}

// createFile makes a data file that holds a state. It is written under another
// name and gets its own when it is whole and on disk. It fails with os.ErrExist
// if there is a file of that name.
func createFile(path string, state history.State) error {
	if err := noJournal(path); err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	name := temporary.Name()
	defer os.Remove(name)
	if err := temporary.Close(); err != nil {
		return err
	}
	if err := fill(name, state); err != nil {
		if isFull(err) {
			err = fmt.Errorf("%w: %w", ErrFull, err)
		}
		return fmt.Errorf("create %s: %w", path, err)
	}
	// Unlike a rename, a link does not replace what another process may have
	// put there meanwhile.
	if err := os.Link(name, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// fill writes a state into an empty file.
func fill(name string, state history.State) error {
	db, err := bolt.Open(name, fileMode, &bolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	err = fillBuckets(db, state)
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

func fillBuckets(db *bolt.DB, state history.State) error {
	err := db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{metaBucket, keysBucket, logBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		if err := tx.Bucket(metaBucket).Put(idKey, []byte(rand.Text())); err != nil {
			return err
		}
		return tx.Bucket(metaBucket).Put(compactedKey, revisionKey(state.Compacted()))
	})
	if err != nil {
		return err
	}
	base, keys := state.Base()
	in := &filler{db: db}
	for _, kv := range keys {
		in.put(keysBucket, []byte(kv.Key), store.Put, kv)
	}
	for _, c := range state.Since(base) {
		in.put(logBucket, revisionKey(c.KV.ModRevision), c.Type, c.KV)
	}
	return in.commit()
}

// A filler puts records into a database in transactions of a sensible size. The
// first error ends it.
type filler struct {
	db   *bolt.DB
	tx   *bolt.Tx
	size int // bytes in tx
	err  error
}

func (f *filler) put(bucket, key []byte, t store.EventType, kv *store.KeyValue) {
	if f.size > maxBatchBytes {
		f.commit()
	}
	if f.tx == nil && f.err == nil {
		f.tx, f.err = f.db.Begin(true)
	}
	if f.err != nil {
		return
	}
	b := record.Append(make([]byte, 0, record.MaxSize(kv)), t, kv)
	f.size += len(b)
	in := f.tx.Bucket(bucket)
	in.FillPercent = 1
	f.err = in.Put(key, b)
}

func (f *filler) commit() error {
	if f.tx != nil && f.err == nil {
		f.err = f.tx.Commit()
	}
	if f.tx != nil && f.err != nil {
		_ = f.tx.Rollback() // bbolt does so after some errors of Commit only
	}
	f.tx, f.size = nil, 0
	return f.err
}

// syncDir makes the names in a folder durable. Windows has no such call, and
// needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Rename gives a data file that nobody has open another name, with the journal that
// a crash may have left beside it. As os.Rename does, it replaces what has that name,
// and returns an [os.ErrNotExist] if there is no such data file.
func Rename(from, to string) error {
	// First the data file: a journal without it is noticed, the reverse is not.
	if err := os.Rename(from, to); err != nil {
		return err // names both
	}
	logs := logPaths(to)
	for i, path := range logPaths(from) {
		err := os.Rename(path, logs[i])
		if errors.Is(err, os.ErrNotExist) {
			err = os.Remove(logs[i]) // of the file that was replaced
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return syncDir(filepath.Dir(to))
}

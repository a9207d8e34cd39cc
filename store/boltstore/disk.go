package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/history"
	"github.com/coracle-k8s/coracle/store/internal/record"
	"github.com/coracle-k8s/coracle/store/internal/wal"
)

// The buckets, and the keys in metaBucket. See the package documentation.
var (
	metaBucket   = []byte("meta")
	keysBucket   = []byte("keys")
	logBucket    = []byte("log")
	compactedKey = []byte("compacted")
	idKey        = []byte("id")
)

const (
	// fileMode: a store holds secrets.
	fileMode = 0o600
	// lockTimeout is the default of [Options.LockTimeout].
	lockTimeout = time.Second
)

// A disk is the database of a store. Its methods turn a panic of bbolt, which is
// what it does when it meets a damaged page, into an error.
type disk struct {
	path string
	opts Options
	id   []byte // of the data file, in the checksums of its journal

	mu   sync.RWMutex // held for writing while db is replaced by another
	db   *bolt.DB
	file *os.File // what db has open

	failed   atomic.Pointer[error] // why there are no more writes
	panicked atomic.Bool           // bbolt did, and may hold its locks for ever
}

// openDisk opens the file, and creates it if there is none.
func openDisk(path string, opts Options) (*disk, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := createFile(path, history.New()); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
	}
	if opts.openLog == nil {
		opts.openLog = openLog
	}
	if opts.LockTimeout == 0 {
		opts.LockTimeout = lockTimeout
	}
	d := &disk{path: path, opts: opts}
	err := d.open(&bolt.Options{
		Timeout:      opts.LockTimeout,
		FreelistType: bolt.FreelistMapType,
		MaxSize:      opts.MaxSize,
	})
	if err != nil {
		return nil, err
	}
	// What a process left that was killed while it wrote the file anew. Only
	// who has the lock writes there.
	if err := os.Remove(d.rewritten()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// rewritten is the name of the file while it is written anew. See reclaim.
func (d *disk) rewritten() string { return d.path + ".new" }

// open is bolt.Open with errors of our own.
func (d *disk) open(opts *bolt.Options) (err error) {
	defer faultsPanic()()
	defer func() {
		if err != nil && d.file != nil {
			_ = d.abandon() // a bbolt that panicked has not, one that failed has
		}
	}()
	defer catch(&err, d.path)
	opts.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		// Only createFile creates: a whole store or none.
		d.file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
		return d.file, err
	}
	d.db, err = bolt.Open(d.path, fileMode, opts)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%s: %w", d.path, ErrLocked)
	case isDamage(err):
		return fmt.Errorf("%s: %w: %w", d.path, ErrCorrupt, err)
	case err != nil:
		return err // names the file
	}
	if !isAt(d.file, d.path) {
		// The process that had the lock has put another file in its place.
		return fmt.Errorf("%s: %w", d.path, errors.Join(ErrLocked, d.db.Close()))
	}
	return nil
}

// isAt reports whether the open file is the one that path names.
func isAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(mine, named)
}

// catch makes a panic an error. It is for use in defer.
func catch(err *error, path string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %w: %v", path, ErrCorrupt, p)
	}
}

// faultsPanic makes an access to a page that is not there (the file was cut
// short) a panic instead of the end of the process. It is for use in defer:
// what it returns restores the setting of the goroutine.
func faultsPanic() func() {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// load reads all there is.
func (d *disk) load() (state history.State, err error) {
	defer faultsPanic()()
	defer catch(&err, d.path)
	err = d.db.View(func(tx *bolt.Tx) error {
		state, err = loadState(tx)
		if err == nil {
			d.id = slices.Clone(tx.Bucket(metaBucket).Get(idKey))
		}
		return err
	})
	if err != nil {
		return state, fmt.Errorf("%s: %w: %w", d.path, ErrCorrupt, err)
	}
	return state, nil
}

// loadState reads the buckets and checks that they make sense.
func loadState(tx *bolt.Tx) (history.State, error) {
	meta, keys, log := tx.Bucket(metaBucket), tx.Bucket(keysBucket), tx.Bucket(logBucket)
	if meta == nil || keys == nil || log == nil {
		return history.State{}, errors.New("it is not a store")
	}
	compacted, err := revisionOf(meta.Get(compactedKey))
	if err != nil {
		return history.State{}, err
	}
	base, err := loadKeys(keys)
	if err != nil {
		return history.State{}, err
	}
	state := history.Load(compacted, base)
	err = log.ForEach(func(k, v []byte) error {
		revision, err := revisionOf(k)
		if err != nil {
			return err
		}
		t, kv, err := record.Decode(v)
		if err != nil {
			return fmt.Errorf("revision %d: %w", revision, err)
		}
		state, err = state.Replay(t, kv)
		return err
	})
	return state, err
}

func loadKeys(keys *bolt.Bucket) ([]*store.KeyValue, error) {
	var out []*store.KeyValue
	err := keys.ForEach(func(k, v []byte) error {
		t, kv, err := record.Decode(v)
		if err == nil && (t != store.Put || kv.Key != string(k)) {
			err = errors.New("it belongs to another key")
		}
		if err != nil {
			return fmt.Errorf("key %q: %w", k, err)
		}
		out = append(out, kv)
		return nil
	})
	return out, err
}

// insert puts changes into the database, all or none. Those that are there already
// stay as they are.
func (d *disk) insert(changes []history.Change) error {
	return d.update(func(tx *bolt.Tx) error {
		log := tx.Bucket(logBucket)
		log.FillPercent = 1 // keys come in order: leave no room in between
		for _, c := range changes {
			b := record.Append(make([]byte, 0, record.MaxSize(c.KV)), c.Type, c.KV)
			if err := log.Put(revisionKey(c.KV.ModRevision), b); err != nil {
				return err
			}
		}
		return nil
	})
}

// openLog is os.OpenFile for a side of the journal.
func openLog(path string, flag int, mode os.FileMode) (wal.File, error) {
	f, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	return wal.FileOf(f), nil
}

// update runs one transaction. When it returns nil, fsync has. When it returns
// [ErrFull], nothing has changed. After any other error there is no other
// transaction.
func (d *disk) update(fn func(*bolt.Tx) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.broken(); err != nil {
		return err
	}
	err := d.transact(fn)
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return d.fail(err)
}

// transact is bolt.DB.Update, but that it lets go of bbolt's locks whatever it
// was that failed.
func (d *disk) transact(fn func(*bolt.Tx) error) (err error) {
	var tx *bolt.Tx
	defer faultsPanic()()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
			d.panicked.Store(true)
			rollback(tx)
		}
	}()
	if tx, err = d.db.Begin(true); err != nil {
		return err
	}
	if err = fn(tx); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		rollback(tx)
	}
	return err
}

// rollback ends a transaction that failed, as far as that is possible: it may
// have ended, or bbolt may panic for the second time.
func rollback(tx *bolt.Tx) {
	defer func() { _ = recover() }()
	if tx != nil {
		_ = tx.Rollback()
	}
}

// broken returns why there are no more writes, nil if there are.
func (d *disk) broken() error {
	if failed := d.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// fail makes err the reason why there are no more writes.
func (d *disk) fail(err error) error {
	err = fmt.Errorf("%s: %w: %w", d.path, ErrFailed, err)
	d.failed.Store(&err)
	return err
}

// size returns the size of the database and its journal in bytes.
func (d *disk) size() (int64, error) {
	info, err := os.Stat(d.path)
	if err != nil {
		return 0, err
	}
	size := info.Size()
	for _, path := range logPaths(d.path) {
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
	}
	return size, nil
}

func (d *disk) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.panicked.Load() {
		return d.abandon()
	}
	return d.db.Close()
}

// abandon closes the file behind the back of bbolt.
func (d *disk) abandon() error { return errors.Join(unlock(d.file), d.file.Close()) }

// closeAfter closes d because of err, and returns err.
func closeAfter(err error, d *disk) error { return errors.Join(err, d.close()) }

// revisionKey returns a revision as a key: its order as bytes is its order as a
// number.
func revisionKey(revision int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(revision))
}

func revisionOf(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("%d bytes where a revision should be", len(b))
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

package boltstore

import (
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/coracle-k8s/coracle/store/internal/history"
)

// A Report says what is in a data file or a snapshot.
type Report struct {
	// Revision is the current one, Compacted the oldest kept, zero if there
	// was no compaction.
	Revision, Compacted int64
	// Keys is how many keys there are now, Changes how many changes are kept.
	Keys, Changes int
	// Size is that of the file in bytes.
	Size int64
	// Hash is the SHA-256 of all keys, values and changes, in hexadecimal. Two
	// files with one hash hold the same store.
	Hash string
}

// Status reads the whole data file or snapshot at path and checks its
// integrity. Damage gives [ErrCorrupt] or [ErrSnapshot]; a data file that a
// running store has open gives [ErrLocked].
func Status(path string) (Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Report{}, fmt.Errorf("status: %w", err)
	}
	state, err := readAny(path)
	if err != nil {
		return Report{}, fmt.Errorf("status: %w", err)
	}
	hash, err := history.Hash(state)
	if err != nil {
		return Report{}, fmt.Errorf("status of %s: %w", path, err)
	}
	base, _ := state.Base()
	return Report{
		Revision:  state.Revision(),
		Compacted: state.Compacted(),
		Keys:      state.Len(),
		Changes:   len(state.Since(base)),
		Size:      info.Size(),
		Hash:      hash,
	}, nil
}

// readAny reads a snapshot or a data file.
func readAny(path string) (state history.State, err error) {
	f, err := os.Open(path)
	if err != nil {
		return state, err
	}
	isSnapshot := history.IsSnapshot(f)
	if err := f.Close(); err != nil {
		return state, err
	}
	if isSnapshot {
		return readSnapshot(path)
	}
	d := &disk{path: path, opts: Options{openLog: openLog}}
	if err := d.open(&bolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: lockTimeout}); err != nil {
		return state, err
	}
	state, err = d.load()
	if err == nil {
		err = d.checkPages()
	}
	if err == nil {
		state, err = readJournal(d, state)
	}
	return state, closeAfter(err, d)
}

// checkPages makes sure that every page of the database is in its place, used
// once or free. Load has seen by then that all of them can be read.
func (d *disk) checkPages() error {
	return d.db.View(func(tx *bolt.Tx) error {
		var first error
		for err := range tx.Check() { // to the end, or its goroutine stays
			if first == nil {
				first = fmt.Errorf("%s: %w: %w", d.path, ErrCorrupt, err)
			}
		}
		return first
	})
}

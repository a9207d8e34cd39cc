package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/coracle-k8s/coracle/store/internal/history"
	"github.com/coracle-k8s/coracle/store/internal/record"
	"github.com/coracle-k8s/coracle/store/internal/wal"
)

// openSide opens the log at path.
func openSide(d *disk, path string, flag int, flushed int64) (*side, error) {
	f, err := d.opts.openLog(path, flag, fileMode)
	if err != nil {
		return nil, err
	}
	log, batches, err := wal.Open(f, d.id, flushed)
	if errors.Is(err, wal.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return &side{path: path, log: log, batches: batches}, nil
}

func closeSides(sides []*side) error {
	var errs []error
	for _, s := range sides {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(errs...)
}

// replay adds to a state the changes of both sides that it does not have, and
// notes them in the sides. It puts the sides in the order of their age.
func replay(state history.State, sides []*side) (history.State, error) {
	first := func(s *side) int64 {
		if len(s.batches) == 0 {
			return 0
		}
		return s.batches[0].Number
	}
	if first(sides[0]) > first(sides[1]) {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, s := range sides {
		for _, batch := range s.batches {
			before := state.Revision()
			var err error
			if state, err = replayBatch(state, batch.Payload); err != nil {
				return state, fmt.Errorf("%w: %s: batch %d: %w", ErrCorrupt, s.path, batch.Number, err)
			}
			s.changes = append(s.changes, state.Since(before)...)
		}
		s.batches = nil
	}
	return state, nil
}

// encodeBatch returns changes as the payload of a batch: for each the length of its
// record as a uvarint, and the record.
func encodeBatch(changes []history.Change) []byte {
	size, largest := 0, 0
	for _, c := range changes {
		n := record.MaxSize(c.KV)
		size, largest = size+binary.MaxVarintLen64+n, max(largest, n)
	}
	b, r := make([]byte, 0, size), make([]byte, 0, largest)
	for _, c := range changes {
		r = record.Append(r[:0], c.Type, c.KV)
		b = binary.AppendUvarint(b, uint64(len(r)))
		b = append(b, r...)
	}
	return b
}

// replayBatch returns the state after those changes of a payload that it does not
// have.
func replayBatch(state history.State, payload []byte) (history.State, error) {
	for len(payload) > 0 {
		size, n := binary.Uvarint(payload)
		if n <= 0 || size > uint64(len(payload)-n) {
			return state, errors.New("a record is longer than the batch")
		}
		t, kv, err := record.Decode(payload[n : n+int(size)])
		if err != nil {
			return state, err
		}
		if payload = payload[n+int(size):]; kv.ModRevision <= state.Revision() {
			continue
		}
		if state, err = state.Replay(t, kv); err != nil {
			return state, err
		}
	}
	return state, nil
}

// readJournal returns the state with the changes of a journal, which it only reads.
func readJournal(d *disk, state history.State) (history.State, error) {
	var sides []*side
	for _, path := range logPaths(d.path) {
		s, err := openSide(d, path, os.O_RDONLY, state.Revision())
		switch {
		case errors.Is(err, os.ErrNotExist):
			s = &side{path: path}
		case err != nil:
			return state, err
		default:
			defer s.log.Close()
		}
		sides = append(sides, s)
	}
	return replay(state, sides)
}

// noJournal fails if there is a journal where a new data file is to be: somebody
// has taken the data file away, and with it all that the journal continues.
func noJournal(dataPath string) error {
	for _, path := range logPaths(dataPath) {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if _, err := os.Stat(dataPath); err == nil {
			return os.ErrExist // another process has made both
		}
		return fmt.Errorf("%w: %s is there without its data file", ErrCorrupt, path)
	}
	return nil
}

package boltstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/coracle-k8s/coracle/store/internal/history"
	"github.com/coracle-k8s/coracle/store/internal/wal"
)

// sideLimit is how many bytes of changes a side of the journal takes before the
// other one's turn comes.
const sideLimit = 4 << 20

// A journal is the way of changes to disk: at once into a write-ahead log, which
// takes one fsync, and some thousands at a time from there into the database,
// which takes longer but can be searched and compacted.
//
// It has two sides that take turns. While one is appended to, the other is put
// into the database, and then used again from its front:
//
//	        append                     append
//	side 1 |=====>....|  checkpoint   |>>>>>>>>>>|-------> database
//	side 2 |>>>>>>>>>>|-------> db    |=====>....|
//
// If the database cannot keep up, appending waits; if it cannot grow, appending
// fails. A change is in one of the three places at any time, or in a side and the
// database, which does no harm: its revision says so.
type journal struct {
	disk   *disk
	limit  int64         // see sideLimit
	sealed chan struct{} // holds a token when a side waits to be checkpointed

	checkpointing sync.Mutex // held while a side is put into the database

	mu      sync.Mutex // guards the fields below, and is held while a side is appended to
	active  *side
	resting *side // waits for its checkpoint if it has changes, free if not
	flushed int64 // the last revision that is in the database
}

// A side is one of the two logs, with its changes that the database has not.
type side struct {
	path    string
	log     *wal.Log
	batches []wal.Batch // as Open found them, until they are replayed
	changes []history.Change
}

// logPaths are the names of the two sides of a data file's journal.
func logPaths(dataPath string) [2]string { return [2]string{dataPath + ".log1", dataPath + ".log2"} }

// openJournal opens both sides and returns the state with their changes, given
// what is in the database.
func openJournal(d *disk, state history.State) (*journal, history.State, error) {
	j := &journal{disk: d, limit: sideLimit, sealed: make(chan struct{}, 1), flushed: state.Revision()}
	if d.opts.MaxSize > 0 {
		j.limit = min(j.limit, int64(d.opts.MaxSize/8))
	}
	var sides []*side
	for _, path := range logPaths(d.path) {
		s, err := openSide(d, path, os.O_RDWR|os.O_CREATE, j.flushed)
		if err != nil {
			return nil, state, errors.Join(err, closeSides(sides))
		}
		sides = append(sides, s)
	}
	state, err := replay(state, sides)
	if err == nil {
		err = syncDir(filepath.Dir(d.path)) // the names of the logs
	}
	if err != nil {
		return nil, state, errors.Join(fmt.Errorf("%s: %w", d.path, err), closeSides(sides))
	}
	j.resting, j.active = sides[0], sides[1] // by age, see replay
	for _, s := range sides {
		if len(s.changes) == 0 {
			s.log.Rewind()
		} else if err := s.log.Sync(); err != nil {
			return nil, state, errors.Join(err, closeSides(sides))
		}
	}
	j.wake()
	return j, state, nil
}

// wake lets the checkpointer look whether a side waits for it.
func (j *journal) wake() {
	select {
	case j.sealed <- struct{}{}:
	default:
	}
}

// append puts changes, which follow all earlier ones, on disk, all or none. When it
// returns nil, fsync has. When it returns [ErrFull], nothing has changed. After any
// other error there are no more writes.
func (j *journal) append(changes []history.Change) error {
	if err := j.disk.broken(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.active.log.Size() >= j.limit {
		if j.sealLocked() {
			j.wake()
			continue
		}
		// The other side is still on its way, or did not fit.
		j.mu.Unlock()
		err := j.checkpoint()
		j.mu.Lock()
		if err != nil {
			return err
		}
	}
	s := j.active
	err := s.log.Append(changes[0].KV.ModRevision, encodeBatch(changes))
	unknown, failed := errors.AsType[*wal.SyncError](err)
	switch {
	case err == nil:
		s.changes = append(s.changes, changes...)
		return nil
	case !failed && isFull(err):
		return fmt.Errorf("%s: %w: %w", s.path, ErrFull, err)
	case failed:
		err = unknown
	}
	return j.disk.fail(fmt.Errorf("%s: %w", s.path, err))
}

// sealLocked makes the sides change places, if there is something in the active one
// and the other is free. It reports whether it did.
func (j *journal) sealLocked() bool {
	if len(j.resting.changes) > 0 || len(j.active.changes) == 0 {
		return false
	}
	j.active, j.resting = j.resting, j.active
	j.active.log.Rewind()
	return true
}

// checkpoint puts the resting side into the database, if it has to go there.
func (j *journal) checkpoint() error {
	j.checkpointing.Lock()
	defer j.checkpointing.Unlock()
	j.mu.Lock()
	s := j.resting // which stays so while it has changes
	changes := s.changes
	j.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	if err := j.disk.insert(changes); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s.changes = nil
	j.flushed = changes[len(changes)-1].KV.ModRevision
	return nil
}

// flush returns when all up to a revision that was appended is in the database.
func (j *journal) flush(revision int64) error {
	for {
		if err := j.checkpoint(); err != nil {
			return err
		}
		j.mu.Lock()
		done := j.flushed >= revision
		if !done {
			j.sealLocked()
		}
		j.mu.Unlock()
		if done {
			return nil
		}
	}
}

// run checkpoints sides as they are sealed until done is closed. What fails here is
// tried again, and told, when a writer needs the room.
func (j *journal) run(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-j.sealed:
			_ = j.checkpoint()
		}
	}
}

// close puts everything into the database and removes the logs, so that the data
// file is all there is. If it does not fit, the logs stay, and nothing is lost.
func (j *journal) close(revision int64) error {
	err := j.disk.broken()
	if err == nil {
		err = j.flush(revision)
	}
	sides := []*side{j.active, j.resting}
	closed := closeSides(sides)
	switch {
	case errors.Is(err, ErrFull) || errors.Is(err, ErrFailed):
		return closed // writers were told
	case err != nil || closed != nil:
		return errors.Join(err, closed)
	}
	for _, s := range sides {
		if err := os.Remove(s.path); err != nil {
			return err
		}
	}
	return nil
}

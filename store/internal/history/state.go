package history

import (
	"fmt"
	"slices"
	"sort"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/keytree"
)

// firstRevision is the revision of a store that nobody has written to.
const firstRevision = 1

// markEvery is how many revisions apart the trees of the past are kept.
const markEvery = 64

// A State is all keys at one revision and the history that led there. It is
// immutable. Make one with [New] or [Load].
type State struct {
	keys keytree.Tree // at the current revision

	// compacted is the revision of the last compaction, zero before the
	// first. base is the oldest revision that can be read.
	compacted, base int64

	// log[i] is the change of revision base+1+i. States that follow each
	// other share its array: the later one appends where the earlier one
	// does not look. See [State.With].
	log []Change

	// marks are trees of the past, the first at base.
	marks []mark
}

// A mark is the keys as they were at a revision.
type mark struct {
	revision int64
	keys     keytree.Tree
}

// A Change is what one revision did to one key. What it points to is never
// modified.
type Change struct {
	Type store.EventType
	KV   *store.KeyValue // the key afterwards, see [store.Event]
	Prev *store.KeyValue // the key before, nil for a create
}

// New returns the state of a store that nobody has written to.
func New() State { return Load(0, nil) }

// Load returns a state without history, whose last compaction was at the
// revision compacted (zero means never) and left these keys.
func Load(compacted int64, keys []*store.KeyValue) State {
	s := State{compacted: compacted, base: max(compacted, firstRevision)}
	for _, kv := range keys {
		s.keys = s.keys.With(kv)
	}
	s.marks = []mark{{s.base, s.keys}}
	return s
}

// Revision returns the revision of the last change.
func (s State) Revision() int64 { return s.base + int64(len(s.log)) }

// Compacted returns the revision of the last compaction, zero if there was none.
func (s State) Compacted() int64 { return s.compacted }

// Len returns the number of keys there are now.
func (s State) Len() int { return s.keys.Len() }

// With returns the state after c, which [State.Decide] made of this state.
//
// A state has room for one successor: of two states made from the same one,
// only the last made may be used. So writers take turns, and a successor that
// could not be put on disk is dropped before the next attempt.
func (s State) With(c Change) State {
	s.log = append(s.log, c)
	s.keys = c.apply(s.keys)
	if revision := s.Revision(); revision%markEvery == 0 {
		s.marks = append(s.marks, mark{revision, s.keys})
	}
	return s
}

// apply returns the keys after the change.
func (c Change) apply(keys keytree.Tree) keytree.Tree {
	if c.Type == store.Delete {
		return keys.Without(c.KV.Key)
	}
	return keys.With(c.KV)
}

// Replay returns the state after a change that was read back from disk. It
// checks that the change can have followed this state.
func (s State) Replay(t store.EventType, kv *store.KeyValue) (State, error) {
	c := Change{Type: t, KV: kv, Prev: s.keys.Get(kv.Key)}
	if want := s.Revision() + 1; kv.ModRevision != want {
		return s, fmt.Errorf("found revision %d where %d should be", kv.ModRevision, want)
	}
	if t == store.Delete {
		if c.Prev == nil {
			return s, fmt.Errorf("revision %d deletes %q, which is not there", kv.ModRevision, kv.Key)
		}
		return s.With(c), nil
	}
	create, version := kv.ModRevision, int64(1)
	if c.Prev != nil {
		create, version = c.Prev.CreateRevision, c.Prev.Version+1
	}
	if kv.CreateRevision != create || kv.Version != version {
		return s, fmt.Errorf("revision %d does not follow from the write of %q before it", kv.ModRevision, kv.Key)
	}
	return s.With(c), nil
}

// Event returns the change as watchers see it.
func (c Change) Event() store.Event {
	return store.Event{Type: c.Type, KV: *c.KV, Prev: c.Prev}
}

// Since returns the changes after a kept revision, oldest first. The slice is
// shared.
func (s State) Since(revision int64) []Change { return s.log[revision-s.base:] }

// at returns the keys at a revision, zero meaning now, and that revision.
func (s State) at(revision int64) (keytree.Tree, int64, error) {
	if revision == 0 || revision == s.Revision() {
		return s.keys, s.Revision(), nil
	}
	if err := s.kept(revision); err != nil {
		return keytree.Tree{}, 0, err
	}
	next := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].revision > revision })
	mark := s.marks[next-1]
	keys := mark.keys
	for _, c := range s.Since(mark.revision)[:revision-mark.revision] {
		keys = c.apply(keys)
	}
	return keys, revision, nil
}

// kept returns an error if the state at that revision is not known.
func (s State) kept(revision int64) error {
	switch {
	case revision > s.Revision():
		return fmt.Errorf("revision %d: %w: the current one is %d", revision, store.ErrFutureRevision, s.Revision())
	case revision < s.base:
		return fmt.Errorf("revision %d: %w: the oldest kept is %d", revision, store.ErrCompacted, s.base)
	}
	return nil
}

// Compact returns the state without the history before revision. See
// [store.Store.Compact].
func (s State) Compact(revision int64) (State, error) {
	if revision <= s.compacted {
		return s, fmt.Errorf("compact at revision %d: %w at %d", revision, store.ErrCompacted, s.compacted)
	}
	keys, _, err := s.at(revision)
	if err != nil {
		return s, fmt.Errorf("compact at %w", err)
	}
	marks := []mark{{revision, keys}}
	for _, m := range s.marks {
		if m.revision > revision {
			marks = append(marks, m)
		}
	}
	return State{
		keys:      s.keys,
		compacted: revision,
		base:      revision,
		log:       slices.Clone(s.Since(revision)),
		marks:     marks,
	}, nil
}

// Base returns the oldest kept revision and the keys there were then. With
// [State.Since] of it, that is all that a state holds.
func (s State) Base() (int64, []*store.KeyValue) {
	keys := make([]*store.KeyValue, 0, s.marks[0].keys.Len())
	for kv := range s.marks[0].keys.In(store.Everything) {
		keys = append(keys, kv)
	}
	return s.base, keys
}

// Live returns the keys there are now, in order.
func (s State) Live(yield func(*store.KeyValue) bool) { s.keys.In(store.Everything)(yield) }

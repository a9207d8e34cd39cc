package storetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

// seed returns the seed of a random case, and prints it if the case fails.
func (e *env) seed() uint64 {
	seed := e.opts.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	e.Logf("seed %d: set it in Options.Seed to run this again", seed)
	return seed
}

// A reference is the simplest store there could be: all keys for every revision.
type reference struct {
	revision  int64
	compacted int64 // the oldest revision that can be read
	states    map[int64]map[string]store.KeyValue
	events    []string // told, from revision 2 on
}

func newReference() *reference {
	return &reference{revision: 1, compacted: 1, states: map[int64]map[string]store.KeyValue{1: {}}}
}

// commit makes the next state from the current one, with one key changed.
func (r *reference) commit(event store.Event) {
	next := maps.Clone(r.states[r.revision])
	r.revision++
	if event.Type == store.Delete {
		delete(next, event.KV.Key)
	} else {
		next[event.KV.Key] = event.KV
	}
	r.states[r.revision] = next
	r.events = append(r.events, tell(event))
}

// write does what the store should do, and returns the error it should return.
func (r *reference) write(in input) error {
	current, exists := r.states[r.revision][in.key]
	switch {
	case in.op == "create" && exists:
		return store.ErrExists
	case in.op != "create" && !exists:
		return store.ErrNotFound
	case in.ifRevision != 0 && in.ifRevision != current.ModRevision:
		return store.ErrConflict
	}
	event := store.Event{KV: store.KeyValue{Key: in.key, ModRevision: r.revision + 1}}
	if exists {
		event.Prev = &current
	}
	if in.op == "delete" {
		event.Type = store.Delete
	} else {
		event.KV.Value = []byte(in.value)
		event.KV.Version = current.Version + 1
		event.KV.CreateRevision = current.CreateRevision
		if !exists {
			event.KV.CreateRevision = event.KV.ModRevision
		}
	}
	r.commit(event)
	return nil
}

// list returns what a range held at a revision.
func (r *reference) list(in store.Range, at int64) []store.KeyValue {
	items := []store.KeyValue{}
	for _, key := range slices.Sorted(maps.Keys(r.states[at])) {
		if in.Contains(key) {
			items = append(items, r.states[at][key])
		}
	}
	return items
}

func testModel(e *env) {
	const operations, keys = 500, 12
	random := rand.New(rand.NewPCG(e.seed(), 0))
	want := newReference()
	last := map[string]int64{}
	for n := range operations {
		switch {
		case n%100 == 99:
			e.compareCompact(want, 1+random.Int64N(want.revision+2))
		case n%3 == 0:
			e.compareList(want, random, keys)
		default:
			in := randomInput(random, fmt.Sprint(n), keys, last)
			e.compareWrite(want, in)
			last[in.key] = want.revision - random.Int64N(2)
		}
	}
	require.Equal(e, want.revision, e.revision())
	for _, after := range []int64{want.compacted, (want.compacted + want.revision) / 2} {
		events := want.events[after-1:]
		require.Equal(e, events, e.next(e.watch(store.Everything, after), len(events)), "a watch after revision %d", after)
	}
}

func (e *env) compareWrite(want *reference, in input) {
	out, err := perform(e.ctx, e.s, in)
	require.NoError(e, err, "%+v", in)
	current := want.states[want.revision][in.key]
	wantErr := error(nil)
	if in.op != "get" {
		wantErr = want.write(in)
	} else if current.Key == "" {
		wantErr = store.ErrNotFound
	}
	require.Equal(e, wantErr, out.err, "%+v", in)
	if wantErr == nil && in.op != "get" {
		require.Equal(e, want.revision, out.revision, "the revision of %+v", in)
	} else if !errors.Is(wantErr, store.ErrNotFound) {
		require.Equal(e, current.ModRevision, out.revision, "the revision found by %+v", in)
	}
}

func (e *env) compareList(want *reference, random *rand.Rand, keys int) {
	r := store.Range{Start: fmt.Sprint("key", random.IntN(keys)), End: fmt.Sprint("key", random.IntN(keys))}
	if random.IntN(2) == 0 {
		r.End = ""
	}
	opts := store.ListOptions{Limit: random.IntN(4), Revision: random.Int64N(want.revision + 3)}
	got, err := e.s.List(e.ctx, r, opts)
	at := opts.Revision
	switch {
	case at > want.revision:
		require.ErrorIs(e, err, store.ErrFutureRevision, "list at revision %d of %d", at, want.revision)
		return
	case at != 0 && at < want.compacted:
		require.ErrorIs(e, err, store.ErrCompacted, "list at revision %d", at)
		return
	case at == 0:
		at = want.revision
	}
	require.NoError(e, err, "list %q with %+v", r, opts)
	items := want.list(r, at)
	require.EqualValues(e, len(items), got.Count, "the count of %q at revision %d", r, at)
	require.Equal(e, at, got.Revision)
	if opts.Limit > 0 {
		items = items[:min(opts.Limit, len(items))]
	}
	require.Len(e, got.Items, len(items))
	for i := range items {
		require.Equal(e, items[i], got.Items[i])
	}
}

func (e *env) compareCompact(want *reference, at int64) {
	err := e.s.Compact(e.ctx, at)
	switch {
	case at > want.revision:
		require.ErrorIs(e, err, store.ErrFutureRevision, "compact at %d of %d", at, want.revision)
	case at <= want.compacted && at > 1:
		require.ErrorIs(e, err, store.ErrCompacted, "compact at %d", at)
	case at > 1:
		require.NoError(e, err, "compact at %d", at)
		want.compacted = at
	}
}

package storetest

import (
	"errors"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

func testCompact(e *env) {
	e.create("kept", "1")
	e.create("gone", "1")
	for i := range 150 {
		e.update("kept", fmt.Sprint(i))
	}
	e.delete("gone")
	at := e.revision()
	after := []string{}
	w := e.watch(store.Everything, at)
	e.update("kept", "last")
	e.create("new", "1")
	after = append(after, e.next(w, 2)...)
	was := e.list(store.Everything, store.ListOptions{Revision: at})

	require.NoError(e, e.s.Compact(e.ctx, at))
	for _, rev := range []int64{1, 2, at - 1} {
		_, _, err := e.s.Get(e.ctx, "kept", rev)
		require.ErrorIs(e, err, store.ErrCompacted, "get at revision %d", rev)
		_, err = e.s.List(e.ctx, store.Everything, store.ListOptions{Revision: rev})
		require.ErrorIs(e, err, store.ErrCompacted, "list at revision %d", rev)
		require.ErrorIs(e, e.watchError(rev), store.ErrCompacted, "watch after revision %d", rev)
	}
	require.Equal(e, show(was.Items), show(e.list(store.Everything, store.ListOptions{Revision: at}).Items))
	require.Equal(e, after, e.next(e.watch(store.Everything, at), 2), "a watch after the compacted revision")
	require.Equal(e, "last", string(e.get("kept").Value))
	require.EqualValues(e, 152, e.get("kept").Version, "the number of writes outlives them")
	require.EqualValues(e, at+3, e.update("kept", "on"), "revisions go on")

	// Down to the current revision, with nothing left of the past.
	now := e.revision()
	require.NoError(e, e.s.Compact(e.ctx, now))
	_, _, err := e.s.Get(e.ctx, "kept", now-1)
	require.ErrorIs(e, err, store.ErrCompacted)
	kv, _, err := e.s.Get(e.ctx, "kept", now)
	require.NoError(e, err)
	require.Equal(e, "on", string(kv.Value))
}

// watchError returns the error of a watch after a revision: of Watch, or of the
// first Next in a store that is far away.
func (e *env) watchError(after int64) error {
	w, err := e.s.Watch(e.ctx, store.Everything, after)
	if err != nil {
		return err
	}
	defer w.Close()
	_, err = w.Next(e.ctx)
	return err
}

func testCompactErrors(e *env) {
	e.create("a", "1")
	e.update("a", "2")
	require.ErrorIs(e, e.s.Compact(e.ctx, 4), store.ErrFutureRevision)
	require.NoError(e, e.s.Compact(e.ctx, 3))
	require.ErrorIs(e, e.s.Compact(e.ctx, 3), store.ErrCompacted)
	require.ErrorIs(e, e.s.Compact(e.ctx, 2), store.ErrCompacted)
	require.EqualValues(e, 3, e.revision(), "a compaction is not a write")
}

func testCompactWatcher(e *env) {
	seen := e.watch(store.Prefix("a"), 1)
	behind := e.watch(store.Prefix("a"), 1)
	elsewhere := e.watch(store.Prefix("z"), 1)
	e.create("a", "1")
	for i := range 100 {
		e.update("a", fmt.Sprint(i))
	}
	e.next(seen, 101)
	require.NoError(e, e.s.Compact(e.ctx, e.revision()))

	e.update("a", "new")
	e.create("z", "1")
	require.Equal(e, []string{"103 update a=new, was 99 of 102"}, e.next(seen, 1), "a watcher that had seen all")
	require.Equal(e, []string{"104 create z=1"}, e.next(elsewhere, 1), "a watcher of which nothing was forgotten")
	if !e.opts.BufferedWatch {
		_, err := behind.Next(e.ctx)
		require.ErrorIs(e, err, store.ErrCompacted, "a watcher that had not")
		return
	}
	// What was on its way before the compaction may come, without a gap, and
	// with it the rest. A watcher that was overtaken is told.
	for last := int64(1); last < 103; {
		batch, err := behind.Next(e.ctx)
		if errors.Is(err, store.ErrCompacted) {
			return
		}
		require.NoError(e, err, "a watcher that had not seen all")
		for _, event := range batch.Events {
			require.Equal(e, last+1, event.KV.ModRevision, "the event after the one of revision %d", last)
			last = event.KV.ModRevision
		}
	}
}

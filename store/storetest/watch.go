package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

func testWatch(e *env) {
	w := e.watch(store.Prefix("in/"), e.revision())
	e.create("in/a", "1")
	e.create("out/a", "1")
	e.create("in", "1")
	e.update("in/a", "2")
	e.create("in/b", "1")
	e.delete("in/a")
	e.delete("out/a")
	e.create("in/a", "3")
	require.Equal(e, []string{
		"2 create in/a=1",
		"5 update in/a=2, was 1 of 2",
		"6 create in/b=1",
		"7 delete in/a, was 2 of 5",
		"9 create in/a=3",
	}, e.next(w, 5))
	e.quiet(w)

	w = e.watch(store.Key("in/a"), 6)
	batch, err := w.Next(e.ctx)
	require.NoError(e, err)
	deleted := store.Event{
		Type: store.Delete,
		KV:   store.KeyValue{Key: "in/a", ModRevision: 7},
		Prev: &store.KeyValue{Key: "in/a", Value: []byte("2"), CreateRevision: 2, ModRevision: 5, Version: 2},
	}
	require.Equal(e, deleted, batch.Events[0], "of a deleted key only the key and the revision are left")
}

func testWatchReplay(e *env) {
	const writes = 200
	all := e.watch(store.Everything, e.revision())
	for i := range writes {
		key := fmt.Sprint("k", i%7)
		if _, _, err := e.s.Get(e.ctx, key, 0); err != nil {
			e.create(key, fmt.Sprint(i))
		} else if i%3 == 0 {
			e.delete(key)
		} else {
			e.update(key, fmt.Sprint(i))
		}
	}
	want := e.next(all, writes)
	for rev := int64(1); rev < 1+writes; rev++ {
		w := e.watch(store.Everything, rev)
		require.Equal(e, want[rev-1:], e.next(w, writes-int(rev-1)), "after revision %d", rev)
		require.NoError(e, w.Close())
	}
	one := e.watch(store.Key("k3"), 1)
	wantOne := slices.DeleteFunc(slices.Clone(want), func(s string) bool {
		var rev int
		var op, rest string
		fmt.Sscanf(s, "%d %s %s", &rev, &op, &rest)
		return rest[:2] != "k3"
	})
	require.Equal(e, wantOne, e.next(one, len(wantOne)), "one key of seven")
	e.quiet(e.watch(store.Everything, 1+writes))
}

func testWatchFromNow(e *env) {
	e.create("a", "1")
	w := e.watch(store.Everything, 0)
	e.update("a", "2")
	require.Equal(e, []string{"3 update a=2, was 1 of 2"}, e.next(w, 1))
}

func testWatchFuture(e *env) {
	_, err := e.s.Watch(e.ctx, store.Everything, e.revision()+1)
	require.ErrorIs(e, err, store.ErrFutureRevision)
}

// testListThenWatch has readers that list and watch at random moments while
// writers write, and compares where they arrive with what is there.
func testListThenWatch(e *env) {
	const writers, writes, readers = 4, 150, 8
	e.create("sync/done", "no")
	var busy sync.WaitGroup
	defer busy.Wait()
	errs := make([]error, writers)
	for i := range writers {
		busy.Go(func() { errs[i] = churn(e, fmt.Sprint("sync/", i), writes) })
	}
	views := make([]map[string]string, readers)
	readersDone := make(chan error, 1)
	go func() {
		var wg sync.WaitGroup
		failed := make([]error, readers)
		for i := range readers {
			wg.Go(func() { views[i], failed[i] = follow(e, store.Prefix("sync/"), "sync/done") })
		}
		wg.Wait()
		readersDone <- errors.Join(failed...)
	}()
	busy.Wait()
	require.NoError(e, errors.Join(errs...))
	e.update("sync/done", "yes")
	require.NoError(e, <-readersDone)

	want := map[string]string{}
	for _, kv := range e.list(store.Prefix("sync/"), store.ListOptions{}).Items {
		want[kv.Key] = fmt.Sprintf("%s of %d", kv.Value, kv.ModRevision)
	}
	for i, view := range views {
		require.Equal(e, want, view, "what reader %d arrived at", i)
	}
}

// churn creates, updates and deletes keys of a prefix.
func churn(e *env, prefix string, writes int) error {
	for i := range writes {
		key := fmt.Sprint(prefix, "/", i%5)
		_, err := e.s.Create(e.ctx, key, fmt.Append(nil, i), 0)
		if errors.Is(err, store.ErrExists) && i%2 == 0 {
			_, _, err = e.s.Delete(e.ctx, key, 0)
		} else if errors.Is(err, store.ErrExists) {
			_, err = e.s.Update(e.ctx, key, fmt.Append(nil, i), 0, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow lists a range and then applies what a watch delivers, until the key
// done is "yes". It checks each event against what it knows.
func follow(e *env, r store.Range, done string) (map[string]string, error) {
	list, err := e.s.List(e.ctx, r, store.ListOptions{})
	if err != nil {
		return nil, err
	}
	view := map[string]string{}
	for _, kv := range list.Items {
		view[kv.Key] = fmt.Sprintf("%s of %d", kv.Value, kv.ModRevision)
	}
	w, err := e.s.Watch(e.ctx, r, list.Revision)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	for view[done][:2] == "no" {
		batch, err := w.Next(e.ctx)
		if err != nil {
			return nil, err
		}
		for _, event := range batch.Events {
			if err := apply(view, event); err != nil {
				return nil, fmt.Errorf("after a list at revision %d: %w", list.Revision, err)
			}
		}
	}
	return view, nil
}

// apply changes a view as the event says.
func apply(view map[string]string, event store.Event) error {
	was := ""
	if event.Prev != nil {
		was = fmt.Sprintf("%s of %d", event.Prev.Value, event.Prev.ModRevision)
	}
	if known := view[event.KV.Key]; known != was {
		return fmt.Errorf("event %q, but the last known value was %q", tell(event), known)
	}
	if event.Type == store.Delete {
		delete(view, event.KV.Key)
	} else {
		view[event.KV.Key] = fmt.Sprintf("%s of %d", event.KV.Value, event.KV.ModRevision)
	}
	return nil
}

func testManyWatchers(e *env) {
	const watchers, writes = 300, 60
	open := make([]store.Watcher, watchers)
	for i := range open {
		open[i] = e.watch(store.Prefix("many/"), 1)
	}
	told := make([][]string, watchers)
	e.together(watchers+1, func(i int) error {
		if i == watchers {
			return churn(e, "many", writes)
		}
		for len(told[i]) < writes {
			batch, err := open[i].Next(e.ctx)
			if err != nil {
				return fmt.Errorf("watcher %d: %w", i, err)
			}
			for _, event := range batch.Events {
				told[i] = append(told[i], tell(event))
			}
		}
		return nil
	})
	for i := range told {
		require.Equal(e, told[0], told[i], "watcher %d saw something else than watcher 0", i)
	}
}

func testSlowWatcher(e *env) {
	const writes = 3000
	slow := e.watch(store.Everything, 1)
	e.create("k", "0")
	e.together(8, func(i int) error {
		for range writes / 8 {
			if _, err := e.s.Update(e.ctx, "k", []byte("more"), 0, 0); err != nil {
				return err
			}
		}
		return nil
	})
	next := int64(2)
	for next <= 2+writes {
		batch, err := slow.Next(e.ctx)
		require.NoError(e, err)
		for _, event := range batch.Events {
			require.Equal(e, next, event.KV.ModRevision, "every revision once and in order")
			next++
		}
	}
}

func testBatches(e *env) {
	w := e.watch(store.Prefix("k"), 1)
	go func() { // the case ends when all of it has been seen
		for range 200 {
			churn(e, "k", 1)
			churn(e, "other", 1)
		}
		e.s.Create(e.ctx, "k/last", nil, 0)
	}()
	last, revision := int64(1), int64(1)
	for {
		batch, err := w.Next(e.ctx)
		require.NoError(e, err)
		require.GreaterOrEqual(e, batch.Revision, revision, "the revision of a batch")
		revision = batch.Revision
		for _, event := range batch.Events {
			require.Greater(e, event.KV.ModRevision, last, "the revision of an event")
			require.LessOrEqual(e, event.KV.ModRevision, revision, "the revision of an event in a batch")
			last = event.KV.ModRevision
			if event.KV.Key == "k/last" {
				return
			}
		}
	}
}

func testProgress(e *env) {
	w := e.watch(store.Prefix("quiet/"), 1)
	e.quiet(w)
	for range 3 {
		e.create(fmt.Sprint("loud/", e.revision()), "")
		e.quiet(w)
	}
	e.create("quiet/a", "1")
	require.Equal(e, []string{"5 create quiet/a=1"}, e.next(w, 1))
	e.quiet(w)

	// Asked while Next waits.
	ctx, cancel := context.WithTimeout(e.ctx, e.opts.Patience)
	defer cancel()
	got := make(chan error, 1)
	go func() {
		batch, err := w.Next(ctx)
		if err == nil && batch.Revision < 5 {
			err = fmt.Errorf("progress at revision %d, want at least 5", batch.Revision)
		}
		got <- err
	}()
	require.NoError(e, w.Progress(e.ctx))
	require.NoError(e, <-got)
}

// testProgressUnderLoad asks for progress all the time and checks that the
// events up to the revision that is reported have come.
func testProgressUnderLoad(e *env) {
	const writes = 1000
	w := e.watch(store.Prefix("mine/"), 1)
	// Writes are never far ahead of the watcher: else it might come to them when
	// all are made, and see no load.
	ahead, gone := make(chan struct{}, 100), make(chan struct{})
	e.together(3, func(i int) error {
		switch i {
		case 0:
			return churn(e, "other", writes)
		case 1:
			for n := range writes {
				select {
				case ahead <- struct{}{}:
				case <-gone:
					return nil
				}
				if _, err := e.s.Create(e.ctx, fmt.Sprint("mine/", n), nil, 0); err != nil {
					return err
				}
			}
			return nil
		}
		defer close(gone)
		delivered := int64(1) // the last revision that was reported
		for seen := 0; seen < writes; {
			if err := w.Progress(e.ctx); err != nil {
				return err
			}
			batch, err := w.Next(e.ctx)
			if err != nil {
				return err
			}
			for _, event := range batch.Events {
				if event.KV.ModRevision <= delivered {
					return fmt.Errorf("event of revision %d after progress to %d", event.KV.ModRevision, delivered)
				}
				select {
				case <-ahead:
				default: // an event too many; others look for that
				}
			}
			seen, delivered = seen+len(batch.Events), batch.Revision
		}
		return nil
	})
}

func testWatchEnds(e *env) {
	w := e.watch(store.Everything, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := w.Next(context.Background())
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond) // so that Next waits; it ends all the same if not
	require.NoError(e, w.Close())
	require.ErrorIs(e, <-ended, store.ErrClosed)
	require.NoError(e, w.Close(), "close again")

	ctx, cancel := context.WithCancel(e.ctx)
	w, err := e.s.Watch(ctx, store.Everything, 1)
	require.NoError(e, err)
	defer w.Close()
	go func() {
		_, err := w.Next(context.Background())
		ended <- err
	}()
	cancel()
	require.ErrorIs(e, <-ended, context.Canceled, "the end of the watch's context")

	w = e.watch(store.Everything, 1)
	_, err = w.Next(ctx)
	require.ErrorIs(e, err, context.Canceled, "the end of Next's context")
}

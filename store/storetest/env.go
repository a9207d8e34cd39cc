package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

// patience is the default of [Options.Patience].
const patience = 20 * time.Second

// An env is what a case works with: the test, a fresh store, and helpers that
// fail the test when the store returns an unexpected error.
type env struct {
	tb
	s    store.Store
	opts Options
	ctx  context.Context // ends with the test, or when patience does
}

func newEnv(t tb, s store.Store, opts Options) *env {
	if opts.Patience == 0 {
		opts.Patience = patience
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*opts.Patience)
	e := &env{tb: t, s: s, opts: opts, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		if err := e.s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return e
}

func (e *env) create(key, value string) int64 {
	e.Helper()
	rev, err := e.s.Create(e.ctx, key, []byte(value), 0)
	require.NoError(e, err, "create %s", key)
	return rev
}

func (e *env) update(key, value string) int64 {
	e.Helper()
	rev, err := e.s.Update(e.ctx, key, []byte(value), 0, 0)
	require.NoError(e, err, "update %s", key)
	return rev
}

func (e *env) delete(key string) int64 {
	e.Helper()
	_, rev, err := e.s.Delete(e.ctx, key, 0)
	require.NoError(e, err, "delete %s", key)
	return rev
}

func (e *env) get(key string) store.KeyValue {
	e.Helper()
	kv, _, err := e.s.Get(e.ctx, key, 0)
	require.NoError(e, err, "get %s", key)
	return kv
}

func (e *env) revision() int64 {
	e.Helper()
	rev, err := e.s.Revision(e.ctx)
	require.NoError(e, err, "revision")
	return rev
}

func (e *env) list(r store.Range, opts store.ListOptions) store.ListResult {
	e.Helper()
	result, err := e.s.List(e.ctx, r, opts)
	require.NoError(e, err, "list %q with %+v", r, opts)
	return result
}

// watch starts a watch that is closed at the end of the test.
func (e *env) watch(r store.Range, after int64) store.Watcher {
	e.Helper()
	w, err := e.s.Watch(e.ctx, r, after)
	require.NoError(e, err, "watch %q after revision %d", r, after)
	e.Cleanup(func() { w.Close() })
	return w
}

// next returns the next n events of w, told. See [tell].
func (e *env) next(w store.Watcher, n int) []string {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.ctx, e.opts.Patience)
	defer cancel()
	told := []string{}
	for len(told) < n {
		batch, err := w.Next(ctx)
		require.NoError(e, err, "next, after the events %q of %d", told, n)
		for _, event := range batch.Events {
			told = append(told, tell(event))
		}
	}
	require.Len(e, told, n, "events beyond the ones that were written: %q", told)
	return told
}

// quiet checks that w has nothing more to deliver.
func (e *env) quiet(w store.Watcher) {
	e.Helper()
	rev := e.revision()
	require.NoError(e, w.Progress(e.ctx), "progress")
	for {
		batch, err := w.Next(e.ctx)
		require.NoError(e, err, "next after progress")
		require.Empty(e, batch.Events, "events that should not be")
		if batch.Revision >= rev {
			return
		}
	}
}

// tell returns an event as a line: "7 update a=2, was 1 of 4".
func tell(e store.Event) string {
	line := fmt.Sprintf("%d ", e.KV.ModRevision)
	switch {
	case e.Type == store.Delete:
		line += "delete " + e.KV.Key
	case e.IsCreate():
		line += fmt.Sprintf("create %s=%s", e.KV.Key, e.KV.Value)
	default:
		line += fmt.Sprintf("update %s=%s", e.KV.Key, e.KV.Value)
	}
	if e.Prev != nil {
		line += fmt.Sprintf(", was %s of %d", e.Prev.Value, e.Prev.ModRevision)
	}
	return line
}

// show returns key-values as lines: "a=2 of 7".
func show(kvs []store.KeyValue) []string {
	lines := []string{}
	for _, kv := range kvs {
		lines = append(lines, fmt.Sprintf("%s=%s of %d", kv.Key, kv.Value, kv.ModRevision))
	}
	return lines
}

// conflict checks that err is a ConflictError with that reason and that key.
func (e *env) conflict(err, reason error, current store.KeyValue) {
	e.Helper()
	require.ErrorIs(e, err, reason)
	conflict, ok := errors.AsType[*store.ConflictError](err)
	require.True(e, ok, "%v (%T) should be a *store.ConflictError", err, err)
	require.Equal(e, current, conflict.Current, "the key found")
}

// together runs n goroutines, which start at one moment, and returns when all
// are done. They report what is wrong as an error, since only the test's own
// goroutine may end the test.
func (e *env) together(n int, do func(i int) error) {
	e.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	require.NoError(e, errors.Join(errs...))
}

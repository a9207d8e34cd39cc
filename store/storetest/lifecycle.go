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

// everyMethod calls every method of the store once and returns their errors.
func everyMethod(ctx context.Context, s store.Store) map[string]error {
	errs := map[string]error{}
	_, errs["Revision"] = s.Revision(ctx)
	_, _, errs["Get"] = s.Get(ctx, "a", 0)
	_, errs["List"] = s.List(ctx, store.Everything, store.ListOptions{})
	_, errs["Create"] = s.Create(ctx, "new", nil, 0)
	_, errs["Update"] = s.Update(ctx, "a", nil, 0, 0)
	_, _, errs["Delete"] = s.Delete(ctx, "a", 0)
	_, errs["Watch"] = s.Watch(ctx, store.Everything, 0)
	errs["Compact"] = s.Compact(ctx, 1)
	return errs
}

func testEndedContexts(e *env) {
	e.create("a", "1")
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	for method, err := range everyMethod(ended, e.s) {
		require.ErrorIs(e, err, context.Canceled, method)
	}
	late, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
	defer cancel()
	for method, err := range everyMethod(late, e.s) {
		require.ErrorIs(e, err, context.DeadlineExceeded, method)
	}
	require.Equal(e, []string{"a=1 of 2"}, show(e.list(store.Everything, store.ListOptions{}).Items))
}

func testClose(e *env) {
	e.create("a", "1")
	w := e.watch(store.Everything, 0)
	waiting := make(chan error, 1)
	go func() {
		_, err := w.Next(context.Background())
		waiting <- err
	}()
	require.NoError(e, e.s.Close())
	require.ErrorIs(e, <-waiting, store.ErrClosed, "a watch under way")
	for method, err := range everyMethod(e.ctx, e.s) {
		require.ErrorIs(e, err, store.ErrClosed, method)
	}
	_, err := w.Next(e.ctx)
	require.ErrorIs(e, err, store.ErrClosed)
	require.ErrorIs(e, w.Progress(e.ctx), store.ErrClosed)
	require.NoError(e, w.Close())
	require.NoError(e, e.s.Close(), "close again")
}

func testCloseWhileBusy(e *env) {
	e.create("a", "1")
	begun := make(chan struct{}, 64)
	var busy sync.WaitGroup
	errs := make([]error, 24)
	for i := range errs {
		busy.Go(func() {
			for errs[i] == nil {
				errs[i] = oneCall(e, i)
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	require.NoError(e, e.s.Close())
	busy.Wait()
	for i, err := range errs {
		require.ErrorIs(e, err, store.ErrClosed, "caller %d", i)
	}
}

// oneCall makes one of six calls, and returns an error when it should not fail.
func oneCall(e *env, i int) error {
	key := fmt.Sprint("key", i)
	switch i % 6 {
	case 0:
		_, err := e.s.Create(e.ctx, key, []byte("v"), 0)
		if errors.Is(err, store.ErrExists) {
			_, _, err = e.s.Delete(e.ctx, key, 0)
		}
		return err
	case 1:
		_, err := e.s.Update(e.ctx, "a", []byte("v"), 0, time.Hour)
		return err
	case 2:
		_, _, err := e.s.Get(e.ctx, "a", 0)
		return err
	case 3:
		_, err := e.s.List(e.ctx, store.Everything, store.ListOptions{})
		return err
	case 4:
		w, err := e.s.Watch(e.ctx, store.Everything, 0)
		if err != nil {
			return err
		}
		defer w.Close()
		if _, err = w.Next(e.ctx); errors.Is(err, store.ErrCompacted) {
			return nil // by one of the others
		}
		return err
	default:
		rev, err := e.s.Revision(e.ctx)
		if err != nil {
			return err
		}
		if err := e.s.Compact(e.ctx, rev); !errors.Is(err, store.ErrCompacted) {
			return err
		}
		return nil
	}
}

func testReopen(e *env) {
	for i := range 50 {
		e.create(fmt.Sprint("k", i), "1")
		e.update(fmt.Sprint("k", i/2), "2")
	}
	e.delete("k7")
	require.NoError(e, e.s.Compact(e.ctx, 40))
	_, err := e.s.Create(e.ctx, "mortal", []byte("v"), e.ttl())
	require.NoError(e, err)
	_, err = e.s.Create(e.ctx, "later", []byte("v"), time.Hour)
	require.NoError(e, err)
	past := e.list(store.Everything, store.ListOptions{Revision: 50})
	now := e.revision()
	events := e.next(e.watch(store.Everything, 40), int(now-40))
	later := e.get("later")

	for round := range 3 {
		e.s, err = e.opts.Reopen(e.s)
		require.NoError(e, err, "reopen")
		if round == 0 {
			require.Equal(e, now, e.revision())
			require.Equal(e, events, e.next(e.watch(store.Everything, 40), len(events)), "the history")
		}
		require.Equal(e, show(past.Items), show(e.list(store.Everything, store.ListOptions{Revision: 50}).Items))
		_, _, err = e.s.Get(e.ctx, "k1", 39)
		require.ErrorIs(e, err, store.ErrCompacted, "what was compacted stays so")
		got := e.get("later")
		require.True(e, later.Expires.Equal(got.Expires), "expires at %v, before %v", got.Expires, later.Expires)
	}
	deleted := fmt.Sprintf("%d delete mortal, was v of %d", now+1, now-1)
	require.Equal(e, []string{deleted}, e.next(e.watch(store.Everything, now), 1), "the time to live goes on")
	require.Equal(e, now+2, e.create("new", "1"), "revisions go on")
}

package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

func testRevisions(e *env) {
	require.EqualValues(e, 1, e.revision(), "the revision of a new store")
	require.EqualValues(e, 2, e.create("a", "1"))
	require.EqualValues(e, 3, e.update("a", "2"))
	_, err := e.s.Create(e.ctx, "a", []byte("3"), 0)
	require.ErrorIs(e, err, store.ErrExists)
	_, err = e.s.Update(e.ctx, "b", []byte("3"), 0, 0)
	require.ErrorIs(e, err, store.ErrNotFound)
	require.EqualValues(e, 3, e.revision(), "after two writes that failed")
	require.EqualValues(e, 4, e.delete("a"))
	require.EqualValues(e, 5, e.create("b", "1"))
	require.EqualValues(e, 5, e.revision())
}

func testCreate(e *env) {
	rev := e.create("a", "1")
	want := store.KeyValue{Key: "a", Value: []byte("1"), CreateRevision: rev, ModRevision: rev, Version: 1}
	require.Equal(e, want, e.get("a"))

	_, err := e.s.Create(e.ctx, "a", []byte("2"), 0)
	e.conflict(err, store.ErrExists, want)
	require.Equal(e, want, e.get("a"), "after a create that failed")
}

func testUpdate(e *env) {
	_, err := e.s.Update(e.ctx, "a", []byte("1"), 0, 0)
	require.ErrorIs(e, err, store.ErrNotFound, "update at any revision what is not there")
	_, err = e.s.Update(e.ctx, "a", []byte("1"), 7, 0)
	require.ErrorIs(e, err, store.ErrNotFound, "update at a revision what is not there")

	created := e.create("a", "1")
	updated, err := e.s.Update(e.ctx, "a", []byte("2"), created, 0)
	require.NoError(e, err)
	want := store.KeyValue{Key: "a", Value: []byte("2"), CreateRevision: created, ModRevision: updated, Version: 2}
	require.Equal(e, want, e.get("a"))

	_, err = e.s.Update(e.ctx, "a", []byte("3"), created, 0)
	e.conflict(err, store.ErrConflict, want)
	_, err = e.s.Update(e.ctx, "a", []byte("3"), updated+100, 0)
	e.conflict(err, store.ErrConflict, want)
	require.Equal(e, want, e.get("a"), "after updates that failed")

	third := e.update("a", "3")
	require.Equal(e, store.KeyValue{Key: "a", Value: []byte("3"), CreateRevision: created, ModRevision: third, Version: 3}, e.get("a"))
}

func testDelete(e *env) {
	_, _, err := e.s.Delete(e.ctx, "a", 0)
	require.ErrorIs(e, err, store.ErrNotFound)

	first := e.create("a", "1")
	second := e.update("a", "2")
	was := e.get("a")
	_, _, err = e.s.Delete(e.ctx, "a", first)
	e.conflict(err, store.ErrConflict, was)

	got, rev, err := e.s.Delete(e.ctx, "a", second)
	require.NoError(e, err)
	require.Equal(e, was, got, "what was deleted")
	require.Equal(e, second+1, rev)
	_, _, err = e.s.Get(e.ctx, "a", 0)
	require.ErrorIs(e, err, store.ErrNotFound)
	_, _, err = e.s.Delete(e.ctx, "a", second)
	require.ErrorIs(e, err, store.ErrNotFound, "delete again")

	again := e.create("a", "3")
	require.Equal(e, store.KeyValue{Key: "a", Value: []byte("3"), CreateRevision: again, ModRevision: again, Version: 1}, e.get("a"))
	got, _, err = e.s.Delete(e.ctx, "a", 0)
	require.NoError(e, err)
	require.Equal(e, []byte("3"), got.Value)
}

func testBadWrites(e *env) {
	_, err := e.s.Create(e.ctx, "", []byte("1"), 0)
	require.Error(e, err, "create without a key")
	_, err = e.s.Create(e.ctx, "a", []byte("1"), -time.Second)
	require.Error(e, err, "create with a negative time to live")
	e.create("a", "1")
	_, err = e.s.Update(e.ctx, "a", []byte("1"), 0, -time.Second)
	require.Error(e, err, "update with a negative time to live")
	require.EqualValues(e, 2, e.revision())
}

func testCreateRace(e *env) {
	for round := range 20 {
		key, winners := fmt.Sprint("key", round), atomic.Int64{}
		e.together(16, func(i int) error {
			_, err := e.s.Create(e.ctx, key, []byte(strconv.Itoa(i)), 0)
			if err == nil {
				winners.Add(1)
			} else if !errors.Is(err, store.ErrExists) {
				return err
			}
			return nil
		})
		require.EqualValues(e, 1, winners.Load(), "creates of %s that succeeded", key)
	}
}

func testUpdateRace(e *env) {
	const writers, steps = 8, 25
	e.create("counter", "0")
	e.together(writers, func(int) error {
		for range steps {
			if err := increment(e, "counter"); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(e, strconv.Itoa(writers*steps), string(e.get("counter").Value))
	require.EqualValues(e, 2+writers*steps, e.revision(), "no write too many")
}

// increment adds one to a number, with the key that a conflict returns.
func increment(e *env, key string) error {
	kv, _, err := e.s.Get(e.ctx, key, 0)
	if err != nil {
		return err
	}
	for {
		n, err := strconv.Atoi(string(kv.Value))
		if err != nil {
			return err
		}
		runtime.Gosched() // let others come between, also where there is one processor
		_, err = e.s.Update(e.ctx, key, []byte(strconv.Itoa(n+1)), kv.ModRevision, 0)
		conflict, ok := errors.AsType[*store.ConflictError](err)
		if !ok {
			return err
		}
		kv = conflict.Current
	}
}

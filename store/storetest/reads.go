package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

func testGetAtRevision(e *env) {
	const writes = 300
	want := map[int64]string{}
	for i := range writes {
		value := fmt.Sprint(i)
		switch {
		case i == 0 || i%10 == 0:
			want[e.create("a", value)] = value
		case i%10 == 9:
			want[e.delete("a")] = ""
		default:
			want[e.update("a", value)] = value
		}
		e.create(fmt.Sprint("other", i), "")
	}
	now := e.revision()
	value := ""
	for rev := int64(1); rev <= now; rev++ {
		if written, ok := want[rev]; ok {
			value = written
		}
		kv, at, err := e.s.Get(e.ctx, "a", rev)
		require.Equal(e, rev, at, "the revision that was read at")
		if value == "" {
			require.ErrorIs(e, err, store.ErrNotFound, "at revision %d", rev)
			continue
		}
		require.NoError(e, err, "at revision %d", rev)
		require.Equal(e, value, string(kv.Value), "at revision %d", rev)
	}
	_, at, err := e.s.Get(e.ctx, "nothing", 0)
	require.ErrorIs(e, err, store.ErrNotFound)
	require.Equal(e, now, at, "the revision at which there was nothing")
}

func testFutureRevision(e *env) {
	e.create("a", "1")
	_, _, err := e.s.Get(e.ctx, "a", 3)
	require.ErrorIs(e, err, store.ErrFutureRevision)
	_, err = e.s.List(e.ctx, store.Everything, store.ListOptions{Revision: 3})
	require.ErrorIs(e, err, store.ErrFutureRevision)
}

func testList(e *env) {
	require.Empty(e, e.list(store.Everything, store.ListOptions{}).Items, "an empty store")
	for _, key := range []string{"b/2", "a/1", "c", "b/1", "b/3", "b"} {
		e.create(key, "v")
	}
	e.delete("c")
	now := e.revision()

	all := e.list(store.Everything, store.ListOptions{})
	require.Equal(e, []string{"a/1=v of 3", "b=v of 7", "b/1=v of 5", "b/2=v of 2", "b/3=v of 6"}, show(all.Items))
	require.EqualValues(e, 5, all.Count)
	require.Equal(e, now, all.Revision)

	page := e.list(store.Prefix("b/"), store.ListOptions{Limit: 2})
	require.Equal(e, []string{"b/1=v of 5", "b/2=v of 2"}, show(page.Items))
	require.EqualValues(e, 3, page.Count, "the count is of the whole range")
	rest := e.list(store.Prefix("b/").From("b/2\x00"), store.ListOptions{Limit: 2})
	require.Equal(e, []string{"b/3=v of 6"}, show(rest.Items))
	require.EqualValues(e, 1, rest.Count)

	count := e.list(store.Prefix("b/"), store.ListOptions{CountOnly: true})
	require.Empty(e, count.Items)
	require.EqualValues(e, 3, count.Count)
	require.Equal(e, now, count.Revision)

	keys := e.list(store.Prefix("b/"), store.ListOptions{KeysOnly: true, Limit: 1})
	require.Len(e, keys.Items, 1)
	require.Equal(e, store.KeyValue{Key: "b/1", CreateRevision: 5, ModRevision: 5, Version: 1}, keys.Items[0])

	require.Empty(e, e.list(store.Range{Start: "c", End: "b"}, store.ListOptions{}).Items, "a range that ends before it starts")
	require.Equal(e, []string{"b=v of 7"}, show(e.list(store.Key("b"), store.ListOptions{}).Items))
}

func testListAtRevision(e *env) {
	states := map[int64][]string{1: {}}
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		key := fmt.Sprint("k", random.IntN(20))
		if _, _, err := e.s.Get(e.ctx, key, 0); err != nil {
			e.create(key, "v")
		} else if random.IntN(2) == 0 {
			e.delete(key)
		} else {
			e.update(key, "w")
		}
		now := e.list(store.Everything, store.ListOptions{})
		states[now.Revision] = show(now.Items)
	}
	for rev, want := range states {
		got := e.list(store.Everything, store.ListOptions{Revision: rev})
		require.Equal(e, want, show(got.Items), "at revision %d", rev)
		require.Equal(e, rev, got.Revision)
		require.EqualValues(e, len(want), got.Count)
		first := e.list(store.Everything, store.ListOptions{Revision: rev, Limit: 3})
		require.Equal(e, want[:min(3, len(want))], show(first.Items))
		require.EqualValues(e, len(want), first.Count, "the count at revision %d", rev)
	}
}

func testPrefixEdges(e *env) {
	keys := []string{"a", "a/", "a/b", "a/b/c", "a0", "ab", "a\xff", "a\xff\xff", "b", "\xff", "\xff\xff"}
	for _, key := range keys {
		e.create(key, "v")
	}
	for prefix, want := range map[string][]string{
		"a":     {"a", "a/", "a/b", "a/b/c", "a0", "ab", "a\xff", "a\xff\xff"},
		"a/":    {"a/", "a/b", "a/b/c"},
		"a/b":   {"a/b", "a/b/c"},
		"a\xff": {"a\xff", "a\xff\xff"},
		"ab":    {"ab"},
		"\xff":  {"\xff", "\xff\xff"},
		"c":     {},
		"":      keys,
	} {
		got := []string{}
		for _, kv := range e.list(store.Prefix(prefix), store.ListOptions{}).Items {
			got = append(got, kv.Key)
		}
		require.Equal(e, want, got, "keys with the prefix %q", prefix)
	}
}

func testPages(e *env) {
	const keys, page = 10_000, 777
	e.together(16, func(i int) error {
		for k := i; k < keys; k += 16 {
			if _, err := e.s.Create(e.ctx, fmt.Sprintf("pages/%05d", k), []byte("v"), 0); err != nil {
				return err
			}
		}
		return nil
	})
	r, next := store.Prefix("pages/"), 0
	result := e.list(r, store.ListOptions{Limit: page})
	at := result.Revision
	for {
		require.Equal(e, at, result.Revision)
		require.EqualValues(e, keys-next, result.Count, "keys that are left")
		for _, kv := range result.Items {
			require.Equal(e, fmt.Sprintf("pages/%05d", next), kv.Key)
			next++
		}
		if int64(len(result.Items)) == result.Count {
			break
		}
		// What changes meanwhile is not on the next page.
		last := result.Items[len(result.Items)-1].Key
		e.delete(fmt.Sprintf("pages/%05d", next))
		e.create(last+"+", "new")
		result = e.list(r.From(last+"\x00"), store.ListOptions{Limit: page, Revision: at})
	}
	require.Equal(e, keys, next)
}

func testOddValues(e *env) {
	random := rand.New(rand.NewPCG(1, 1))
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = byte(random.Uint32())
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	values := map[string][]byte{
		"empty": {}, "zero": {0}, "big": big, string(every): every, "\x00": []byte("\xff"), "ä/雨": []byte("\r\n"),
	}
	w := e.watch(store.Everything, 0)
	for key, value := range values {
		_, err := e.s.Create(e.ctx, key, bytes.Clone(value), 0)
		require.NoError(e, err, "create %q", key)
	}
	for key, value := range values {
		got := e.get(key)
		require.True(e, bytes.Equal(value, got.Value), "the value of %q, of %d bytes", key, len(value))
	}
	for seen := 0; seen < len(values); {
		batch, err := w.Next(e.ctx)
		require.NoError(e, err)
		for _, event := range batch.Events {
			seen++
			require.True(e, bytes.Equal(values[event.KV.Key], event.KV.Value), "the value of %q in an event", event.KV.Key)
		}
	}
}

package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
)

// ttl is the shortest time to live that the store knows.
func (e *env) ttl() time.Duration { return max(time.Second, e.opts.MinTTL) }

// late is when a key with a time to live from now is surely gone.
func (e *env) late(ttl time.Duration) time.Time {
	return time.Now().Add(ttl + time.Second + e.opts.TTLSlack)
}

func testTTL(e *env) {
	start, late := time.Now(), e.late(e.ttl())
	w := e.watch(store.Everything, 0)
	rev, err := e.s.Create(e.ctx, "mortal", []byte("v"), e.ttl())
	require.NoError(e, err)
	e.create("immortal", "v")
	kv := e.get("mortal")
	require.WithinRange(e, kv.Expires, start.Add(e.ttl()-time.Second), late, "when the key expires")
	require.True(e, e.get("immortal").Expires.IsZero(), "a key without a time to live never expires")

	require.Equal(e, []string{
		"2 create mortal=v",
		"3 create immortal=v",
		"4 delete mortal, was v of 2",
	}, e.next(w, 3))
	require.WithinRange(e, time.Now(), start.Add(e.ttl()), late, "when the key was deleted")
	_, _, err = e.s.Get(e.ctx, "mortal", 0)
	require.ErrorIs(e, err, store.ErrNotFound)
	kv, _, err = e.s.Get(e.ctx, "mortal", rev)
	require.NoError(e, err, "the key is there in the past")
	require.Equal(e, "v", string(kv.Value))
}

func testTTLReplaced(e *env) {
	for _, key := range []string{"stays", "extended", "again"} {
		_, err := e.s.Create(e.ctx, key, []byte("v"), e.ttl())
		require.NoError(e, err)
	}
	e.update("stays", "w")
	_, err := e.s.Update(e.ctx, "extended", []byte("w"), 0, e.ttl()+time.Minute)
	require.NoError(e, err)
	e.delete("again")
	e.create("again", "w")
	rev := e.revision()
	_, err = e.s.Create(e.ctx, "last", []byte("v"), e.ttl())
	require.NoError(e, err)

	// When the last one is gone, the time of the others is over too.
	require.Equal(e, []string{"9 create last=v", "10 delete last, was v of 9"}, e.next(e.watch(store.Everything, rev), 2))
	for _, key := range []string{"stays", "extended", "again"} {
		require.Equal(e, "w", string(e.get(key).Value))
	}
	require.True(e, e.get("stays").Expires.IsZero())
	require.False(e, e.get("extended").Expires.IsZero())
}

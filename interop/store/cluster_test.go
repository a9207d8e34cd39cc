package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/etcdstore"
)

// Of three etcds one is killed while clients write and watch, the leader too when
// its turn comes: nothing that was acknowledged is lost, the watch misses nothing
// and repeats nothing, and writing goes on.
func TestEtcdstore_memberDies(t *testing.T) {
	members, err := programs.EtcdCluster(t.TempDir(), 3, t.Output())
	needs(t, err)
	start(t, members...)
	s := openEtcd(t, members...)
	w, err := s.Watch(t.Context(), store.Prefix("k/"), 0)
	require.NoError(t, err)
	defer w.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writers sync.WaitGroup
	var acked sync.Map // key -> revision
	var count atomic.Int64
	for i := range 4 {
		writers.Go(func() { writeOn(ctx, s, i, &acked, &count) })
	}
	for _, m := range members {
		progress(t, &count)
		require.NoError(t, m.Kill())
		progress(t, &count) // two of three are enough
		require.NoError(t, m.Start())
		require.NoError(t, m.Ready(t.Context()))
	}
	progress(t, &count)
	cancel()
	writers.Wait()
	checkNothingLost(t, s, w, &acked)
}

// writeOn creates keys until ctx ends, and notes those that were acknowledged.
func writeOn(ctx context.Context, s *etcdstore.Store, writer int, acked *sync.Map, count *atomic.Int64) {
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("k/%d/%06d", writer, n)
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		revision, err := s.Create(once, key, []byte(key), 0)
		cancel()
		if err != nil {
			continue // it may have happened or not: the next key
		}
		acked.Store(key, revision)
		count.Add(1)
	}
}

// progress waits until some more writes were acknowledged.
func progress(t *testing.T, count *atomic.Int64) {
	t.Helper()
	goal := count.Load() + 50
	require.Eventually(t, func() bool { return count.Load() >= goal }, time.Minute, 10*time.Millisecond)
}

func checkNothingLost(t *testing.T, s *etcdstore.Store, w store.Watcher, acked *sync.Map) {
	t.Helper()
	list, err := s.List(t.Context(), store.Prefix("k/"), store.ListOptions{})
	require.NoError(t, err)
	found := map[string]int64{}
	for _, kv := range list.Items {
		require.Equal(t, kv.Key, string(kv.Value))
		found[kv.Key] = kv.ModRevision
	}
	for key, revision := range acked.Range {
		require.Equal(t, revision, found[key.(string)], "%s was acknowledged", key)
	}
	var last int64
	for len(found) > 0 {
		batch, err := w.Next(t.Context())
		require.NoError(t, err)
		for _, e := range batch.Events {
			require.Greater(t, e.KV.ModRevision, last, "events come in order")
			last = e.KV.ModRevision
			require.Equal(t, last, found[e.KV.Key], "the event of %s", e.KV.Key)
			delete(found, e.KV.Key)
		}
	}
}

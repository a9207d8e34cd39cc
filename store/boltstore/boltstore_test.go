package boltstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/storetest"
)

// open opens a store that is closed at the end of the test.
func open(t testing.TB, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, boltstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func create(t testing.TB, s store.Store, key, value string) int64 {
	t.Helper()
	rev, err := s.Create(t.Context(), key, []byte(value), 0)
	require.NoError(t, err)
	return rev
}

// all returns the store's keys and values.
func all(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	list, err := s.List(t.Context(), store.Everything, store.ListOptions{})
	require.NoError(t, err)
	kvs := map[string]string{}
	for _, kv := range list.Items {
		kvs[kv.Key] = string(kv.Value)
	}
	return kvs
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "data"), boltstore.Options{})
		require.NoError(t, err)
		return s
	}, storetest.Options{Reopen: reopen})
}

func reopen(s store.Store) (store.Store, error) {
	if err := s.Close(); err != nil {
		return nil, err
	}
	return boltstore.Open(s.(*boltstore.Store).Path(), boltstore.Options{})
}

func TestOpen_oneProcessOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	s := open(t, path)
	_, err := boltstore.Open(path, boltstore.Options{LockTimeout: 50 * time.Millisecond})
	require.ErrorIs(t, err, boltstore.ErrLocked)
	require.ErrorContains(t, err, path)
	_, err = boltstore.Status(path)
	require.ErrorIs(t, err, boltstore.ErrLocked)

	require.NoError(t, s.Close())
	open(t, path)
}

func TestOpen_noFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "data")
	_, err := boltstore.Open(path, boltstore.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, path)
}

func TestOpen_isAFolder(t *testing.T) {
	_, err := boltstore.Open(t.TempDir(), boltstore.Options{})
	require.Error(t, err)
}

// Compaction gives the space of what it forgets back to the disk, and loses
// nothing else.
func TestStore_compactionReturnsSpace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	s := open(t, path)
	big := make([]byte, 256<<10)
	create(t, s, "big", string(big))
	create(t, s, "small", "kept")
	for range 200 {
		_, err := s.Update(t.Context(), "big", big, 0, 0)
		require.NoError(t, err)
	}
	before, err := s.Size()
	require.NoError(t, err)
	require.Greater(t, before, int64(50<<20))
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Compact(t.Context(), rev))
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, after.Size(), int64(1<<20), "bytes in the file, before %d with the journal", before)

	// It is the same store, still locked, and writes go to the new file.
	_, err = boltstore.Open(path, boltstore.Options{LockTimeout: time.Millisecond})
	require.ErrorIs(t, err, boltstore.ErrLocked)
	create(t, s, "after", "compaction")
	require.NoError(t, s.Close())
	s = open(t, path)
	require.Equal(t, map[string]string{"big": string(big), "small": "kept", "after": "compaction"}, all(t, s))
	require.NoError(t, s.Close())
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left beside the data file")
}

// A write that does not fit fails and changes nothing; when there is room again,
// writing goes on.
func TestStore_full(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	s, err := boltstore.Open(path, boltstore.Options{MaxSize: 8 << 20})
	require.NoError(t, err)
	value := make([]byte, 1<<20)
	var acknowledged int64
	for i := 0; err == nil; i++ {
		var rev int64
		if rev, err = s.Create(t.Context(), string(rune('a'+i)), value, 0); err == nil {
			acknowledged = rev
		}
	}
	require.ErrorIs(t, err, boltstore.ErrFull)
	require.Greater(t, acknowledged, int64(3))
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)
	require.Equal(t, acknowledged, rev, "the write that failed did not happen")

	_, err = s.Create(t.Context(), "again", value, 0)
	require.ErrorIs(t, err, boltstore.ErrFull, "it is full, not broken")
	want := all(t, s)
	require.Len(t, want, int(acknowledged)-1)
	require.NoError(t, s.Close())
	s = open(t, path) // without a limit
	require.Equal(t, want, all(t, s))
	require.Equal(t, acknowledged+1, create(t, s, "more", string(value)))
}

func TestStore_longKey(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "data"))
	_, err := s.Create(t.Context(), string(make([]byte, 32769)), nil, 0)
	require.Error(t, err)
	key := string(make([]byte, 32768))
	rev := create(t, s, key, "v")
	require.NoError(t, s.Compact(t.Context(), rev))
}

// A key whose time ran out while the store was closed is gone when it opens.
func TestStore_expiresWhileClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	s := open(t, path)
	rev, err := s.Create(t.Context(), "k", nil, time.Millisecond)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s = open(t, path)
	w, err := s.Watch(t.Context(), store.Everything, rev)
	require.NoError(t, err)
	batch, err := w.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.Delete, batch.Events[0].Type)
	_, _, err = s.Get(t.Context(), "k", 0)
	require.True(t, errors.Is(err, store.ErrNotFound))
}

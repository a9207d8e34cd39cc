package boltstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// snapshot saves s to a file.
func snapshot(t *testing.T, s *boltstore.Store) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, s.Snapshot(&b))
	path := filepath.Join(t.TempDir(), "snapshot")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// A writer that asks for something to be done in the middle of a snapshot.
type interrupted struct {
	bytes.Buffer
	once func()
}

func (w *interrupted) Write(p []byte) (int, error) {
	if w.once != nil {
		w.once()
		w.once = nil
	}
	return w.Buffer.Write(p)
}

func TestSnapshot_restoresTheMoment(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "data"))
	for i := range 3000 {
		create(t, s, fmt.Sprint(i), string(make([]byte, 1000)))
		if i > 1000 {
			break
		}
	}
	require.NoError(t, s.Compact(t.Context(), 500))
	create(t, s, "last", "v")
	want, rev := all(t, s), int64(0)
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)

	// Writes go on while the snapshot is taken, and are not in it.
	w := &interrupted{once: func() { create(t, s, "later", "v") }}
	require.NoError(t, s.Snapshot(w))
	require.Equal(t, 32, w.Len()%512, "the length that etcdctl checks")
	saved := filepath.Join(t.TempDir(), "snapshot")
	require.NoError(t, os.WriteFile(saved, w.Bytes(), 0o600))

	data := filepath.Join(t.TempDir(), "restored")
	require.NoError(t, boltstore.Restore(saved, data))
	fromSnapshot, err := boltstore.Status(saved)
	require.NoError(t, err)
	fromData, err := boltstore.Status(data)
	require.NoError(t, err)
	require.Equal(t, fromSnapshot.Hash, fromData.Hash)
	require.Equal(t, rev, fromData.Revision)
	require.Equal(t, len(want), fromData.Keys)
	require.EqualValues(t, 500, fromData.Compacted)
	require.EqualValues(t, rev-500, fromData.Changes)

	restored := open(t, data)
	require.Equal(t, want, all(t, restored))
	_, err = restored.Watch(t.Context(), store.Everything, 500)
	require.NoError(t, err, "the history is there too")
	require.Equal(t, rev+1, create(t, restored, "next", "v"))
}

func TestRestoreAhead(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "data"))
	create(t, s, "a", "1")
	saved := snapshot(t, s)
	data := filepath.Join(t.TempDir(), "restored")
	require.NoError(t, boltstore.RestoreAhead(saved, data, 1000))
	restored := open(t, data)
	_, err := restored.Watch(t.Context(), store.Everything, 500)
	require.ErrorIs(t, err, store.ErrCompacted, "a client from after the snapshot lists again")
	require.EqualValues(t, 1003, create(t, restored, "b", "1"))
	require.Equal(t, map[string]string{"a": "1", "b": "1"}, all(t, restored))
}

func TestRestore_neverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	s := open(t, path)
	create(t, s, "a", "1")
	saved := snapshot(t, s)
	require.ErrorIs(t, boltstore.Restore(saved, path), os.ErrExist)
	require.Equal(t, map[string]string{"a": "1"}, all(t, s))
}

// A snapshot that is cut short or changed anywhere is refused, and no data file
// comes of it.
func TestRestore_damaged(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "data"))
	create(t, s, "a", "1")
	intact, err := os.ReadFile(snapshot(t, s))
	require.NoError(t, err)
	saved, data := filepath.Join(t.TempDir(), "snapshot"), filepath.Join(t.TempDir(), "restored")
	refused := func(b []byte, what string) {
		t.Helper()
		require.NoError(t, os.WriteFile(saved, b, 0o600))
		require.ErrorIs(t, boltstore.Restore(saved, data), boltstore.ErrSnapshot, what)
		require.NoFileExists(t, data, what)
	}
	for i := range intact {
		damaged := bytes.Clone(intact)
		damaged[i] ^= 0x40
		refused(damaged, fmt.Sprint("byte ", i))
	}
	for _, size := range []int{0, 1, 100, 512, len(intact) - 1} {
		refused(intact[:size], fmt.Sprint("cut to ", size))
	}
	require.ErrorIs(t, boltstore.Restore(saved+"x", data), os.ErrNotExist)
}

func TestStatus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	s := open(t, path)
	create(t, s, "a", "1")
	create(t, s, "b", "1")
	_, _, err := s.Delete(t.Context(), "a", 0)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	report, err := boltstore.Status(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, boltstore.Report{Revision: 4, Keys: 1, Changes: 3, Size: info.Size(), Hash: report.Hash}, report)
	require.Len(t, report.Hash, 64)
}

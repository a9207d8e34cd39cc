package memstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/memstore"
	"github.com/coracle-k8s/coracle/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return memstore.New() }, storetest.Options{})
}

// In a bubble a key lives and dies by the bubble's clock, to the nanosecond, and
// the store leaves no goroutine behind.
func TestStore_virtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		defer s.Close()
		w, err := s.Watch(t.Context(), store.Everything, 0)
		require.NoError(t, err)
		start := time.Now()
		for key, ttl := range map[string]time.Duration{"second": time.Second, "week": 7 * 24 * time.Hour, "hour": time.Hour} {
			_, err := s.Create(t.Context(), key, nil, ttl)
			require.NoError(t, err)
		}
		var lived []time.Duration
		for len(lived) < 3 {
			batch, err := w.Next(t.Context())
			require.NoError(t, err)
			for _, event := range batch.Events {
				if event.Type == store.Delete {
					lived = append(lived, time.Since(start))
				}
			}
		}
		require.Equal(t, []time.Duration{time.Second, time.Hour, 7 * 24 * time.Hour}, lived)
	})
}

// A snapshot is whole, and the store writes on while it is taken.
func TestStore_Snapshot(t *testing.T) {
	s := memstore.New()
	defer s.Close()
	_, err := s.Create(t.Context(), "boat", []byte("coracle"), 0)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "snapshot")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, s.Snapshot(f))
	require.NoError(t, f.Close())
	report, err := boltstore.Status(path)
	require.NoError(t, err)
	require.Equal(t, 1, report.Keys)
	require.EqualValues(t, 2, report.Revision)
}

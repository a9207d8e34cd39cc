package store_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// One write a minute for an hour, of which the last ten minutes are kept.
func TestAutoCompact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- store.AutoCompact(ctx, s, time.Minute, 10*time.Minute) }()

		time.Sleep(30 * time.Second) // write between two looks
		_, err := s.Create(ctx, "k", nil, 0)
		require.NoError(t, err)
		for range 60 {
			time.Sleep(time.Minute)
			_, err := s.Update(ctx, "k", nil, 0, 0)
			require.NoError(t, err)
		}
		now, err := s.Revision(ctx)
		require.NoError(t, err)
		_, _, err = s.Get(ctx, "k", now-10)
		require.NoError(t, err, "what was current ten minutes ago is kept")
		_, _, err = s.Get(ctx, "k", now-12)
		require.ErrorIs(t, err, store.ErrCompacted, "what was not current for eleven minutes is gone")

		cancel()
		require.NoError(t, <-done)
	})
}

func TestAutoCompact_ends(t *testing.T) {
	s := memstore.New()
	require.Error(t, store.AutoCompact(t.Context(), s, 0, time.Minute))
	require.NoError(t, s.Close())
	require.ErrorIs(t, store.AutoCompact(t.Context(), s, time.Minute, time.Minute), store.ErrClosed)
}

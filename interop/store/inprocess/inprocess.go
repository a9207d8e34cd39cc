// Package inprocess runs an API server of ours in the process of a test, where
// package programs runs one as a process of its own.
package inprocess

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/store"
)

// API runs an API server over a store, which stays the caller's to close, until the
// test ends. It returns when the server is ready.
func API(t testing.TB, cfg cluster.Config, s store.Store) *cluster.API {
	t.Helper()
	api, err := cluster.NewAPI(cfg, s, nil, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- api.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		require.NoError(t, err, "the API server ended")
	}
	return api
}

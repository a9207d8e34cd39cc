package etcdstore_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/etcdstore"
	"github.com/coracle-k8s/coracle/store/memstore"
	"github.com/coracle-k8s/coracle/store/storetest"
)

// serve serves s on the loopback and returns the address. It ends with the test.
func serve(t testing.TB, s store.Store) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- etcdserver.New(s, etcdserver.Options{}).Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, s.Close())
	})
	return l.Addr().String()
}

func open(t testing.TB, address string) *etcdstore.Store {
	s, err := etcdstore.Open(t.Context(), []string{address}, etcdstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// The kit runs through the client of etcd, gRPC, our server and memstore: it
// grades etcdstore and etcdserver at once.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, serve(t, memstore.New()))
	}, storetest.Options{BufferedWatch: true, TTLSlack: time.Second})
}

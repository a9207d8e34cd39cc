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

func TestOpen_nobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	start := time.Now()
	_, err = etcdstore.Open(t.Context(), []string{l.Addr().String()}, etcdstore.Options{DialTimeout: 300 * time.Millisecond})
	require.ErrorContains(t, err, l.Addr().String())
	require.Less(t, time.Since(start), 10*time.Second)
}

// A watch over a server that goes away and comes back misses nothing.
func TestWatch_survivesARestart(t *testing.T) {
	s := memstore.New()
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	run := func(l net.Listener) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- etcdserver.New(s, etcdserver.Options{}).Run(ctx, l) }()
		return func() { cancel(); require.NoError(t, <-done) }
	}
	stop := run(l)
	remote := open(t, address)
	w, err := remote.Watch(t.Context(), store.Everything, 0)
	require.NoError(t, err)
	defer w.Close()
	_, err = s.Create(t.Context(), "before", nil, 0)
	require.NoError(t, err)
	batch, err := w.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "before", batch.Events[0].KV.Key)

	stop()
	_, err = s.Create(t.Context(), "meanwhile", nil, 0)
	require.NoError(t, err)
	l, err = net.Listen("tcp", address)
	require.NoError(t, err)
	defer run(l)()
	batch, err = w.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "meanwhile", batch.Events[0].KV.Key)
}

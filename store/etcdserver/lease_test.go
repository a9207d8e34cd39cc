package etcdserver_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A server and its store start again: keys with a lease still expire.
func TestLease_restart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	s, err := boltstore.Open(path, boltstore.Options{})
	require.NoError(t, err)
	var revision int64
	t.Run("before", func(t *testing.T) {
		c := serve(t, s, etcdserver.Options{})
		lease, err := c.Grant(t.Context(), 1)
		require.NoError(t, err)
		revision = put(t, c, "k", "v", clientv3.WithLease(lease.ID))
	})
	s, err = boltstore.Open(path, boltstore.Options{})
	require.NoError(t, err)
	c := serve(t, s, etcdserver.Options{})
	response := <-c.Watch(t.Context(), "k", clientv3.WithRev(revision+1), clientv3.WithPrevKV())
	require.Equal(t, clientv3.EventTypeDelete, response.Events[0].Type)
	require.Equal(t, "v", string(response.Events[0].PrevKv.Value))
}

// With a file, leases are still there after a restart, and so is what they are
// attached to.
func TestLease_file(t *testing.T) {
	dir := t.TempDir()
	opts := etcdserver.Options{LeaseFile: filepath.Join(dir, "leases")}
	var kept, revoked, short *clientv3.LeaseGrantResponse
	during := func(each func(c *clientv3.Client)) {
		s, err := boltstore.Open(filepath.Join(dir, "data"), boltstore.Options{})
		require.NoError(t, err)
		t.Run("", func(t *testing.T) { each(serve(t, s, opts)) })
	}
	grant := func(c *clientv3.Client, ttl int64) *clientv3.LeaseGrantResponse {
		lease, err := c.Grant(t.Context(), ttl)
		require.NoError(t, err)
		return lease
	}
	during(func(c *clientv3.Client) {
		kept, revoked = grant(c, 1000), grant(c, 1000)
		put(t, c, "a \"key\"\n", "1", clientv3.WithLease(kept.ID))
		put(t, c, "written since", "1", clientv3.WithLease(kept.ID))
		put(t, c, "written since", "2")
		short = grant(c, 4)
		put(t, c, "short", "1", clientv3.WithLease(short.ID))
		_, err := c.KeepAliveOnce(t.Context(), short.ID)
		require.NoError(t, err)
		_, err = c.Revoke(t.Context(), revoked.ID)
		require.NoError(t, err)
	})
	f, err := os.OpenFile(opts.LeaseFile, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("grant 7 \nnonsense\nattach 99 2 \"of no lease\"\nend 98\ngrant 8 6")
	require.NoError(t, errors.Join(err, f.Close()))
	during(func(c *clientv3.Client) {
		left, err := c.TimeToLive(t.Context(), kept.ID, clientv3.WithAttachedKeys())
		require.NoError(t, err)
		require.EqualValues(t, 1000, left.GrantedTTL)
		require.Equal(t, [][]byte{[]byte("a \"key\"\n")}, left.Keys)
		put(t, c, "later", "1", clientv3.WithLease(kept.ID))
		_, err = c.Revoke(t.Context(), revoked.ID)
		require.ErrorIs(t, err, rpctypes.ErrLeaseNotFound)

		// It has its time again, and then its key goes though the store has more time for it.
		gone := <-c.Watch(t.Context(), "short", clientv3.WithRev(6))
		for gone.Events[0].Type != clientv3.EventTypeDelete {
			gone = <-c.Watch(t.Context(), "short", clientv3.WithRev(gone.Events[0].Kv.ModRevision+1))
		}
	})
	during(func(c *clientv3.Client) {
		_, err := c.Revoke(t.Context(), kept.ID)
		require.NoError(t, err)
		all, err := c.Get(t.Context(), "", clientv3.WithPrefix())
		require.NoError(t, err)
		require.Equal(t, []string{"written since=2"}, told(all))
	})
}

// A server that could not keep its leases does not start.
func TestLease_fileCannotBeMade(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := memstore.New()
	opts := etcdserver.Options{LeaseFile: filepath.Join(t.TempDir(), "none", "leases")}
	require.ErrorIs(t, etcdserver.New(s, opts).Run(t.Context(), l), os.ErrNotExist)
	require.ErrorIs(t, l.Close(), net.ErrClosed)
	require.NoError(t, s.Close())
}

// The file of the leases has what is so, not all that ever was.
func TestLease_fileStaysShort(t *testing.T) {
	opts := etcdserver.Options{LeaseFile: filepath.Join(t.TempDir(), "leases")}
	c := serve(t, memstore.New(), opts)
	lease, err := c.Grant(t.Context(), 1000)
	require.NoError(t, err)
	for range 3000 {
		put(t, c, "k", "v", clientv3.WithLease(lease.ID))
	}
	b, err := os.ReadFile(opts.LeaseFile)
	require.NoError(t, err)
	require.Less(t, strings.Count(string(b), "\n"), 1100)
}

func TestLease(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	long, err := c.Grant(t.Context(), 100)
	require.NoError(t, err)
	put(t, c, "a", "1", clientv3.WithLease(long.ID))
	put(t, c, "b", "1", clientv3.WithLease(long.ID))
	put(t, c, "c", "1", clientv3.WithLease(long.ID))
	got, err := c.Get(t.Context(), "a")
	require.NoError(t, err)
	require.EqualValues(t, long.ID, got.Kvs[0].Lease)
	put(t, c, "b", "2") // without a lease: it stays

	left, err := c.TimeToLive(t.Context(), long.ID, clientv3.WithAttachedKeys())
	require.NoError(t, err)
	require.EqualValues(t, 100, left.GrantedTTL)
	require.InDelta(t, 99, left.TTL, 1)
	require.Contains(t, left.Keys, []byte("a"))
	all, err := c.Leases(t.Context())
	require.NoError(t, err)
	require.Len(t, all.Leases, 1)

	_, err = c.Revoke(t.Context(), long.ID)
	require.NoError(t, err)
	kept, err := c.Get(t.Context(), "", clientv3.WithPrefix())
	require.NoError(t, err)
	require.Equal(t, []string{"b=2"}, told(kept))
	_, err = c.Revoke(t.Context(), long.ID)
	require.ErrorIs(t, err, rpctypes.ErrLeaseNotFound)
	left, err = c.TimeToLive(t.Context(), long.ID)
	require.NoError(t, err)
	require.EqualValues(t, -1, left.TTL)
	_, err = c.KeepAliveOnce(t.Context(), long.ID)
	require.ErrorIs(t, err, rpctypes.ErrLeaseNotFound)
}

// A lease that is kept alive keeps its keys; when that ends they go.
func TestLease_keepAlive(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	lease, err := c.Grant(t.Context(), 1)
	require.NoError(t, err)
	put(t, c, "k", "v", clientv3.WithLease(lease.ID))
	events := c.Watch(t.Context(), "k", clientv3.WithPrevKV())
	start := time.Now()
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	for time.Since(start) < 2*time.Second {
		<-ticker.C
		_, err := c.KeepAliveOnce(t.Context(), lease.ID)
		require.NoError(t, err)
	}
	last := time.Now()
	for response := range events {
		for _, e := range response.Events {
			require.Equal(t, "v", string(e.PrevKv.Value))
			if e.Type == clientv3.EventTypeDelete {
				require.WithinRange(t, time.Now(), last.Add(800*time.Millisecond), last.Add(3*time.Second))
				return
			}
		}
	}
}

package etcdserver_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// serve serves s on the loopback until the test ends, and returns a client.
func serve(t testing.TB, s store.Store, opts etcdserver.Options) *clientv3.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- etcdserver.New(s, opts).Run(ctx, l) }()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{l.Addr().String()}, Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, s.Close())
	})
	return client
}

func put(t testing.TB, c *clientv3.Client, key, value string, opts ...clientv3.OpOption) int64 {
	t.Helper()
	response, err := c.Put(t.Context(), key, value, opts...)
	require.NoError(t, err)
	return response.Header.Revision
}

// told returns key-values as lines.
func told(response *clientv3.GetResponse) []string {
	lines := []string{}
	for _, kv := range response.Kvs {
		lines = append(lines, fmt.Sprintf("%s=%s", kv.Key, kv.Value))
	}
	return lines
}

func TestKV(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	require.EqualValues(t, 2, put(t, c, "a", "3"))
	require.EqualValues(t, 3, put(t, c, "b", "1"))
	require.EqualValues(t, 4, put(t, c, "c", "2"))
	require.EqualValues(t, 5, put(t, c, "b", "9"))

	for name, c2 := range map[string]struct {
		key  string
		opts []clientv3.OpOption
		want []string
	}{
		"one":            {"a", nil, []string{"a=3"}},
		"none":           {"x", nil, []string{}},
		"all":            {"", []clientv3.OpOption{clientv3.WithPrefix()}, []string{"a=3", "b=9", "c=2"}},
		"from":           {"b", []clientv3.OpOption{clientv3.WithFromKey()}, []string{"b=9", "c=2"}},
		"past":           {"b", []clientv3.OpOption{clientv3.WithRev(4)}, []string{"b=1"}},
		"descending":     {"", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend)}, []string{"c=2", "b=9", "a=3"}},
		"by value":       {"", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByValue, clientv3.SortAscend)}, []string{"c=2", "a=3", "b=9"}},
		"last created":   {"", clientv3.WithLastCreate(), []string{"c=2"}},
		"since":          {"", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithMinModRev(4)}, []string{"b=9", "c=2"}},
		"keys only":      {"a", []clientv3.OpOption{clientv3.WithKeysOnly()}, []string{"a="}},
		"limit":          {"", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithLimit(1)}, []string{"a=3"}},
		"reversed range": {"c", []clientv3.OpOption{clientv3.WithRange("b")}, []string{}},
	} {
		got, err := c.Get(t.Context(), c2.key, c2.opts...)
		require.NoError(t, err, name)
		require.Equal(t, c2.want, told(got), name)
		require.EqualValues(t, 5, got.Header.Revision, "%s: the header has the current revision", name)
	}
	page, err := c.Get(t.Context(), "", clientv3.WithPrefix(), clientv3.WithLimit(1))
	require.NoError(t, err)
	require.EqualValues(t, 3, page.Count, "the count is of the whole range")
	require.True(t, page.More)
	count, err := c.Get(t.Context(), "", clientv3.WithPrefix(), clientv3.WithCountOnly())
	require.NoError(t, err)
	require.EqualValues(t, 3, count.Count)
	require.False(t, count.More)

	before, err := c.Put(t.Context(), "a", "", clientv3.WithIgnoreValue(), clientv3.WithPrevKV())
	require.ErrorIs(t, err, nil)
	require.Equal(t, "3", string(before.PrevKv.Value))
	deleted, err := c.Delete(t.Context(), "a", clientv3.WithRange("c"), clientv3.WithPrevKV())
	require.NoError(t, err)
	require.EqualValues(t, 2, deleted.Deleted)
	require.Equal(t, "9", string(deleted.PrevKvs[1].Value))

	_, err = c.Get(t.Context(), "a", clientv3.WithRev(100))
	require.ErrorIs(t, err, rpctypes.ErrFutureRev)
	_, err = c.Compact(t.Context(), 4)
	require.NoError(t, err)
	_, err = c.Compact(t.Context(), 4)
	require.ErrorIs(t, err, rpctypes.ErrCompacted)
	_, err = c.Get(t.Context(), "a", clientv3.WithRev(3))
	require.ErrorIs(t, err, rpctypes.ErrCompacted)
	_, err = c.Txn(t.Context()).Then(clientv3.OpGet("a", clientv3.WithRev(3))).Commit()
	require.ErrorIs(t, err, rpctypes.ErrCompacted)
	_, err = c.Put(t.Context(), "nothing", "", clientv3.WithIgnoreValue())
	require.ErrorIs(t, err, rpctypes.ErrKeyNotFound)
	_, err = c.Put(t.Context(), "a", "v", clientv3.WithLease(77))
	require.ErrorIs(t, err, rpctypes.ErrLeaseNotFound)
}

// The five transactions of kube-apiserver.
func TestTxn_kubernetes(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	create := func(value string) *clientv3.TxnResponse { return updateIf(t, c, 0, value) }

	first := create("1")
	require.True(t, first.Succeeded)
	require.EqualValues(t, 2, first.Header.Revision)
	again := create("2")
	require.False(t, again.Succeeded)
	require.Equal(t, "1", string(again.Responses[0].GetResponseRange().Kvs[0].Value), "the else branch")

	require.True(t, updateIf(t, c, 2, "2").Succeeded)
	require.False(t, updateIf(t, c, 2, "3").Succeeded, "update from an old revision")

	deleted, err := c.Txn(t.Context()).If(clientv3.Compare(clientv3.ModRevision("k"), "=", 3)).
		Then(clientv3.OpDelete("k")).Else(clientv3.OpGet("k")).Commit()
	require.NoError(t, err)
	require.True(t, deleted.Succeeded)
	require.EqualValues(t, 4, deleted.Header.Revision)
	require.EqualValues(t, 1, deleted.Responses[0].GetResponseDeleteRange().Deleted)
	gone := updateIf(t, c, 3, "3")
	require.False(t, gone.Succeeded)
	require.Empty(t, gone.Responses[0].GetResponseRange().Kvs)

	// The compactor takes turns by the version of its key.
	for version := range int64(3) {
		done, err := c.Txn(t.Context()).If(clientv3.Compare(clientv3.Version("compact_rev_key"), "=", version)).
			Then(clientv3.OpPut("compact_rev_key", fmt.Sprint(version))).
			Else(clientv3.OpGet("compact_rev_key")).Commit()
		require.NoError(t, err)
		require.True(t, done.Succeeded)
	}
}

func updateIf(t *testing.T, c *clientv3.Client, revision int64, value string) *clientv3.TxnResponse {
	t.Helper()
	response, err := c.Txn(t.Context()).If(clientv3.Compare(clientv3.ModRevision("k"), "=", revision)).
		Then(clientv3.OpPut("k", value)).Else(clientv3.OpGet("k")).Commit()
	require.NoError(t, err)
	return response
}

func TestTxn_comparisons(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	put(t, c, "k", "5")
	put(t, c, "k", "5")
	for _, holds := range []clientv3.Cmp{
		clientv3.Compare(clientv3.Value("k"), "=", "5"),
		clientv3.Compare(clientv3.Value("k"), ">", "4"),
		clientv3.Compare(clientv3.Value("k"), "!=", "4"),
		clientv3.Compare(clientv3.Version("k"), "=", 2),
		clientv3.Compare(clientv3.CreateRevision("k"), "<", 3),
		clientv3.Compare(clientv3.ModRevision("k"), ">", 2),
		clientv3.Compare(clientv3.LeaseValue("k"), "=", 0),
		clientv3.Compare(clientv3.Version("none"), "=", 0),
	} {
		response, err := c.Txn(t.Context()).If(holds).Commit()
		require.NoError(t, err)
		require.True(t, response.Succeeded, "%v", holds)
	}
	for _, fails := range []clientv3.Cmp{
		clientv3.Compare(clientv3.Value("k"), "<", "5"),
		clientv3.Compare(clientv3.Version("k"), ">", 2),
		clientv3.Compare(clientv3.ModRevision("none"), ">", 0),
		clientv3.Compare(clientv3.Value("none"), "!=", "x"), // nothing is true of a value that is not there
	} {
		response, err := c.Txn(t.Context()).If(fails).Commit()
		require.NoError(t, err)
		require.False(t, response.Succeeded, "%v", fails)
	}
	// Reads around a write see what was before and after it.
	response, err := c.Txn(t.Context()).Then(clientv3.OpGet("k"), clientv3.OpPut("k", "6"), clientv3.OpGet("k")).Commit()
	require.NoError(t, err)
	require.Equal(t, "5", string(response.Responses[0].GetResponseRange().Kvs[0].Value))
	require.Equal(t, "6", string(response.Responses[2].GetResponseRange().Kvs[0].Value))
}

// What cannot be done is refused, and nothing of it is done.
func TestTxn_refused(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	for name, txn := range map[string]clientv3.Txn{
		"two keys":     c.Txn(t.Context()).Then(clientv3.OpPut("a", ""), clientv3.OpPut("b", "")),
		"another key":  c.Txn(t.Context()).If(clientv3.Compare(clientv3.Version("a"), "=", 0)).Then(clientv3.OpPut("b", "")),
		"delete range": c.Txn(t.Context()).Then(clientv3.OpDelete("a", clientv3.WithPrefix())),
		"nested":       c.Txn(t.Context()).Then(clientv3.OpTxn(nil, nil, nil)),
		"range":        c.Txn(t.Context()).If(clientv3.Compare(clientv3.Version("a"), "=", 0).WithPrefix()),
	} {
		_, err := txn.Commit()
		require.Equal(t, codes.Unimplemented, status.Code(err), "%s: %v", name, err)
	}
	_, err := c.Txn(t.Context()).Then(clientv3.OpPut("a", ""), clientv3.OpGet("a", clientv3.WithRev(100))).Commit()
	require.ErrorIs(t, err, rpctypes.ErrFutureRev)
	_, err = c.Put(t.Context(), "", "v")
	require.ErrorIs(t, err, rpctypes.ErrEmptyKey)
	_, err = c.MemberAdd(t.Context(), []string{"http://x:1"})
	require.Equal(t, codes.Unimplemented, status.Code(err))
	got, err := c.Get(t.Context(), "", clientv3.WithPrefix())
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Header.Revision, "nothing was written")
}

func TestMaintenance(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{ClientURLs: []string{"http://127.0.0.1:2379"}})
	put(t, c, "a", "1")
	endpoint := c.Endpoints()[0]
	st, err := c.Status(t.Context(), endpoint)
	require.NoError(t, err)
	require.Equal(t, "3.6.0", st.Version)
	require.EqualValues(t, 2, st.Header.Revision)

	hash, err := c.HashKV(t.Context(), endpoint, 0)
	require.NoError(t, err)
	put(t, c, "a", "2")
	later, err := c.HashKV(t.Context(), endpoint, 0)
	require.NoError(t, err)
	require.NotEqual(t, hash.Hash, later.Hash)
	past, err := c.HashKV(t.Context(), endpoint, 2)
	require.NoError(t, err)
	require.Equal(t, hash.Hash, past.Hash, "the hash of the past stays")

	members, err := c.MemberList(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"http://127.0.0.1:2379"}, members.Members[0].ClientURLs)
	alarms, err := c.AlarmList(t.Context())
	require.NoError(t, err)
	require.Empty(t, alarms.Alarms)
	saved, err := snapshot(t, c)
	require.NoError(t, err)
	require.Equal(t, sha256.Size, len(saved)%512, "whole blocks, and their sum")
	content, sum := saved[:len(saved)-sha256.Size], sha256.Sum256(saved[:len(saved)-sha256.Size])
	require.NotEmpty(t, content)
	require.Equal(t, sum[:], saved[len(content):])
}

// What a client saves is what boltstore restores.
func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	s, err := boltstore.Open(filepath.Join(dir, "data"), boltstore.Options{})
	require.NoError(t, err)
	c := serve(t, s, etcdserver.Options{})
	put(t, c, "a", "1")
	put(t, c, "big", string(make([]byte, 1<<20)))
	st, err := c.Status(t.Context(), c.Endpoints()[0])
	require.NoError(t, err)
	require.Greater(t, st.DbSize, int64(1<<20))

	stream, err := c.Snapshot(t.Context())
	require.NoError(t, err)
	saved, err := io.ReadAll(stream)
	require.NoError(t, err)
	require.Equal(t, 32, len(saved)%512, "the length that etcdctl wants")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "snapshot"), saved, 0o600))
	require.NoError(t, boltstore.Restore(filepath.Join(dir, "snapshot"), filepath.Join(dir, "restored")))
	restored, err := boltstore.Open(filepath.Join(dir, "restored"), boltstore.Options{})
	require.NoError(t, err)
	kv, _, err := restored.Get(t.Context(), "a", 0)
	require.NoError(t, err)
	require.Equal(t, "1", string(kv.Value))
	require.NoError(t, restored.Close())
}

// snapshot returns what the server sends as a snapshot.
func snapshot(t *testing.T, c *clientv3.Client) ([]byte, error) {
	stream, err := c.Snapshot(t.Context())
	if err != nil {
		return nil, err
	}
	return io.ReadAll(stream)
}

func TestMaintenance_withoutSnapshots(t *testing.T) {
	plain := struct{ store.Store }{memstore.New()} // no more than the contract
	_, err := snapshot(t, serve(t, plain, etcdserver.Options{}))
	require.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
}

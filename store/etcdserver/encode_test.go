package etcdserver_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// sizes are lengths of values beside which the length of their encoding changes.
var sizes = []int{0, 1, 90, 127, 128, 1000, 16_383, 16_384, 300_000}

// writeAll writes a value of each size three times, some with a lease, and deletes one.
func writeAll(t *testing.T, c *clientv3.Client) {
	lease, err := c.Grant(t.Context(), 1000)
	require.NoError(t, err)
	for i, size := range sizes {
		key, value := fmt.Sprint("k", i), string(make([]byte, size))
		put(t, c, key, value)
		put(t, c, key, "short")
		put(t, c, key, value, clientv3.WithLease(lease.ID*clientv3.LeaseID(i%2)))
	}
	_, err = c.Delete(t.Context(), "k3")
	require.NoError(t, err)
}

// A Range is answered with bytes that are written for the purpose, one in a
// transaction with a message of protobuf. They say the same.
func TestRange_sameInATransaction(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	writeAll(t, c)
	kv := pb.NewKVClient(c.ActiveConnection())
	for name, r := range map[string]*pb.RangeRequest{
		"one":       {Key: []byte("k2")},
		"empty":     {Key: []byte("k0")},
		"leased":    {Key: []byte("k1")},
		"large":     {Key: []byte("k8")},
		"none":      {Key: []byte("x")},
		"deleted":   {Key: []byte("k3")},
		"all":       {Key: []byte("k"), RangeEnd: []byte("l")},
		"page":      {Key: []byte("k"), RangeEnd: []byte("l"), Limit: 2},
		"keys":      {Key: []byte("k"), RangeEnd: []byte("l"), KeysOnly: true},
		"count":     {Key: []byte("k"), RangeEnd: []byte("l"), CountOnly: true},
		"count one": {Key: []byte("k2"), CountOnly: true},
		"sorted":    {Key: []byte("k"), RangeEnd: []byte("l"), SortOrder: pb.RangeRequest_DESCEND, Limit: 3},
	} {
		got, err := kv.Range(t.Context(), r)
		require.NoError(t, err, name)
		op := &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: r}}
		txn, err := kv.Txn(t.Context(), &pb.TxnRequest{Success: []*pb.RequestOp{op}})
		require.NoError(t, err, name)
		want := txn.Responses[0].GetResponseRange()
		require.True(t, proto.Equal(want, got), "%s:\nwant %v\ngot  %v", name, want, got)
		require.Empty(t, got.ProtoReflect().GetUnknown(), name)
	}
}

// The parts of a stream, merged, are what one Range says.
func TestRangeStream(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	for i := range 100 {
		put(t, c, fmt.Sprintf("k%03d", i), string(make([]byte, 20_000)))
	}
	kv := pb.NewKVClient(c.ActiveConnection())
	for name, r := range map[string]*pb.RangeRequest{
		"all":   {Key: []byte("k"), RangeEnd: []byte("l")},
		"limit": {Key: []byte("k"), RangeEnd: []byte("l"), Limit: 70},
		"past":  {Key: []byte("k"), RangeEnd: []byte("l"), Revision: 50},
		"count": {Key: []byte("k"), RangeEnd: []byte("l"), CountOnly: true},
		"one":   {Key: []byte("k001")},
		"none":  {Key: []byte("x")},
	} {
		want, err := kv.Range(t.Context(), r)
		require.NoError(t, err, name)
		stream, err := kv.RangeStream(t.Context(), r)
		require.NoError(t, err, name)
		got, parts := &pb.RangeResponse{}, 0
		for {
			part, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, name)
			require.Nil(t, got.Header, "%s: the header comes last", name)
			proto.Merge(got, part.RangeResponse)
			parts++
		}
		require.True(t, proto.Equal(want, got), name)
		require.Equal(t, max(1, (len(want.Kvs)+51)/52), parts, "%s: parts of a megabyte", name)
	}
	refused, err := kv.RangeStream(t.Context(), &pb.RangeRequest{Key: []byte("k"), MinModRevision: 3})
	require.NoError(t, err)
	_, err = refused.Recv()
	require.Equal(t, codes.Unimplemented, status.Code(err))
	refused, err = kv.RangeStream(t.Context(), &pb.RangeRequest{Key: []byte("k"), Revision: 1000})
	require.NoError(t, err)
	_, err = refused.Recv()
	require.Equal(t, codes.OutOfRange, status.Code(err))
}

// What a watch says of a key is what a Range says at that revision, whether it is
// the first watch or a later one, which gets the bytes that were made for the first.
func TestWatch_saysWhatRangeSays(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	writeAll(t, c)
	for _, withPrev := range []bool{true, false, true, false} {
		opts := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithRev(2)}
		if withPrev {
			opts = append(opts, clientv3.WithPrevKV())
		}
		for _, e := range collect(t, c, 3*len(sizes)+1, opts) {
			key := string(e.Kv.Key)
			before, err := c.Get(t.Context(), key, clientv3.WithRev(max(1, e.Kv.ModRevision-1)))
			require.NoError(t, err)
			now, err := c.Get(t.Context(), key, clientv3.WithRev(e.Kv.ModRevision))
			require.NoError(t, err)
			if e.Type == clientv3.EventTypeDelete {
				require.Equal(t, "k3", key)
				require.Empty(t, now.Kvs)
			} else {
				require.True(t, proto.Equal(now.Kvs[0], e.Kv), "%v", e.Kv)
			}
			require.Equal(t, withPrev && len(before.Kvs) > 0, e.PrevKv != nil)
			if e.PrevKv != nil {
				require.True(t, proto.Equal(before.Kvs[0], e.PrevKv), "%v", e.PrevKv)
			}
		}
	}
}

// collect returns the first n events of a watch of "k".
func collect(t *testing.T, c *clientv3.Client, n int, opts []clientv3.OpOption) []*clientv3.Event {
	var events []*clientv3.Event
	for response := range c.Watch(t.Context(), "k", opts...) {
		require.NoError(t, response.Err())
		if events = slices.Concat(events, response.Events); len(events) >= n {
			break
		}
	}
	return events
}

package etcdserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// fuzzServer serves s until the fuzzing ends.
func fuzzServer(f *testing.F, s store.Store) pb.KVClient {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- etcdserver.New(s, etcdserver.Options{}).Run(ctx, l) }()
	connection, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(f, err)
	f.Cleanup(func() {
		require.NoError(f, connection.Close())
		cancel()
		require.NoError(f, <-done)
		require.NoError(f, s.Close())
	})
	return pb.NewKVClient(connection)
}

// Any request that can be written as bytes is answered or refused. A refusal has
// changed nothing, and no answer is an internal error or a panic.
func FuzzTxn(f *testing.F) {
	ctx, s := context.Background(), memstore.New()
	kv := fuzzServer(f, s)
	for _, seed := range []*pb.TxnRequest{
		{},
		{
			Compare: []*pb.Compare{{Key: []byte("k"), Target: pb.Compare_MOD, TargetUnion: &pb.Compare_ModRevision{}}},
			Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte("k")}}}},
			Failure: []*pb.RequestOp{{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte("k")}}}},
		},
		{Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: []byte("k")}}}}},
		{Success: []*pb.RequestOp{{}}, Compare: []*pb.Compare{{Key: []byte("k"), Target: 77, Result: 77}}},
	} {
		b, err := proto.Marshal(seed)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		request := &pb.TxnRequest{}
		if proto.Unmarshal(b, request) != nil {
			t.Skip("not a request")
		}
		before, err := s.List(ctx, store.Everything, store.ListOptions{CountOnly: true})
		require.NoError(t, err)
		_, err = kv.Txn(ctx, request)
		after, listErr := s.List(ctx, store.Everything, store.ListOptions{CountOnly: true})
		require.NoError(t, listErr)
		if err != nil {
			require.Contains(t, []codes.Code{codes.InvalidArgument, codes.Unimplemented, codes.OutOfRange, codes.NotFound}, status.Code(err), "%v", err)
			require.Equal(t, before.Revision, after.Revision, "a refused transaction wrote: %v", err)
		}
		require.LessOrEqual(t, after.Revision, before.Revision+1, "one write at most")
	})
}

// Whatever is asked for, a Range, the parts of a RangeStream and a Range in a
// transaction say the same, or are refused for the same reason.
func FuzzRange(f *testing.F) {
	ctx, s := context.Background(), memstore.New()
	for i := range 40 {
		_, err := s.Create(ctx, fmt.Sprint("k", i), make([]byte, i*i*i), time.Duration(i%2)*time.Hour)
		require.NoError(f, err)
	}
	require.NoError(f, s.Compact(ctx, 10))
	kv := fuzzServer(f, s)
	for _, seed := range []*pb.RangeRequest{
		{},
		{Key: []byte("k7")},
		{Key: []byte("k"), RangeEnd: []byte("l"), Limit: 7, Revision: 20},
		{Key: []byte("k"), RangeEnd: []byte{0}, SortOrder: pb.RangeRequest_DESCEND, SortTarget: pb.RangeRequest_VALUE},
		{Key: []byte{0}, RangeEnd: []byte{0}, MinModRevision: 5, MaxCreateRevision: 12, KeysOnly: true},
		{Key: []byte("k"), RangeEnd: []byte("j"), CountOnly: true, Revision: 3},
	} {
		b, err := proto.Marshal(seed)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		request := &pb.RangeRequest{}
		if proto.Unmarshal(b, request) != nil {
			t.Skip("not a request")
		}
		plain, plainErr := kv.Range(ctx, request)
		op := &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: request}}
		txn, txnErr := kv.Txn(ctx, &pb.TxnRequest{Success: []*pb.RequestOp{op}})
		require.Equal(t, status.Code(plainErr), status.Code(txnErr))
		if plainErr == nil {
			inTxn := txn.Responses[0].GetResponseRange()
			inTxn.Header = plain.Header // that of a transaction says what was read at
			require.True(t, proto.Equal(plain, inTxn), "%v: %v, but %v", request, plain, inTxn)
		}
		streamed, streamErr := merged(ctx, kv, request)
		if status.Code(streamErr) == codes.Unimplemented {
			return // in an order, or with a filter, that streams do not have
		}
		require.Equal(t, status.Code(plainErr), status.Code(streamErr))
		if plainErr == nil {
			require.True(t, proto.Equal(plain, streamed), "%v: %v, but %v", request, plain, streamed)
		}
	})
}

// merged returns what the parts of a RangeStream come to.
func merged(ctx context.Context, kv pb.KVClient, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	stream, err := kv.RangeStream(ctx, r)
	if err != nil {
		return nil, err
	}
	whole := &pb.RangeResponse{}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return nil, err
		}
		proto.Merge(whole, part.RangeResponse)
	}
}

package etcdserver_test

import (
	"context"
	"net"
	"testing"

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

// Any request that can be written as bytes is answered or refused. A refusal has
// changed nothing, and no answer is an internal error or a panic.
func FuzzTxn(f *testing.F) {
	s := memstore.New()
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
	kv := pb.NewKVClient(connection)
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

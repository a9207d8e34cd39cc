package etcdserver

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/coracle-k8s/coracle/store"
)

// maintenanceService is the part of etcd's Maintenance service that is about
// one server.
type maintenanceService struct {
	pb.UnimplementedMaintenanceServer
	*Server
}

// Status says which version of etcd the server stands for, and how large its
// data is.
func (s *maintenanceService) Status(ctx context.Context, _ *pb.StatusRequest) (*pb.StatusResponse, error) {
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	var size int64
	if sizer, ok := s.store.(store.Sizer); ok {
		if size, err = sizer.Size(); err != nil {
			return nil, s.status(err)
		}
	}
	return &pb.StatusResponse{
		Header: header, Version: s.opts.Version, StorageVersion: s.opts.Version,
		DbSize: size, DbSizeInUse: size,
		Leader: memberID, RaftTerm: 1,
		RaftIndex: uint64(header.Revision), RaftAppliedIndex: uint64(header.Revision),
	}, nil
}

// Alarm lists alarms, of which there are never any.
func (s *maintenanceService) Alarm(ctx context.Context, r *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	if r.Action != pb.AlarmRequest_GET {
		return nil, errBeyond("alarms cannot be raised or put out")
	}
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.AlarmResponse{Header: header}, nil
}

// snapshotChunk is how many bytes of a snapshot go in one message.
const snapshotChunk = 64 << 10

// Snapshot streams what the store's own Snapshot writes.
func (s *maintenanceService) Snapshot(_ *pb.SnapshotRequest, stream pb.Maintenance_SnapshotServer) error {
	snapshotter, ok := s.store.(store.Snapshotter)
	if !ok {
		return errBeyond("this store has no snapshots")
	}
	err := snapshotter.Snapshot(writerFunc(func(p []byte) (int, error) {
		for chunk := range slices.Chunk(p, snapshotChunk) {
			response := &pb.SnapshotResponse{Blob: chunk, Version: s.opts.Version}
			if err := stream.Send(response); err != nil {
				return 0, err
			}
		}
		return len(p), nil
	}))
	return s.status(err)
}

// A writerFunc is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Hash returns a hash of all keys and values.
func (s *maintenanceService) Hash(ctx context.Context, _ *pb.HashRequest) (*pb.HashResponse, error) {
	hash, revision, err := s.hash(ctx, 0)
	if err != nil {
		return nil, s.status(err)
	}
	return &pb.HashResponse{Header: header(revision), Hash: hash}, nil
}

// HashKV returns a hash of all keys and values at a revision, zero meaning now.
func (s *maintenanceService) HashKV(ctx context.Context, r *pb.HashKVRequest) (*pb.HashKVResponse, error) {
	hash, revision, err := s.hash(ctx, max(0, r.Revision))
	if err != nil {
		return nil, s.status(err)
	}
	response := &pb.HashKVResponse{Hash: hash, HashRevision: revision}
	if response.Header, err = s.headerNow(ctx); err != nil {
		return nil, err
	}
	_, _, err = s.store.Get(ctx, "\x00", 1)
	if errors.Is(err, store.ErrCompacted) {
		if response.CompactRevision, err = s.compactedAt(ctx, 1); err != nil {
			return nil, s.status(err)
		}
	}
	return response, nil
}

// hash sums up all keys at a revision. Two servers with one hash hold the same;
// etcd's own hash is of its file and not the same.
func (s *Server) hash(ctx context.Context, at int64) (uint32, int64, error) {
	list, err := s.store.List(ctx, store.Everything, store.ListOptions{Revision: at})
	if err != nil {
		return 0, 0, err
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	for _, kv := range list.Items {
		for _, n := range []int64{int64(len(kv.Key)), int64(len(kv.Value)), kv.CreateRevision, kv.ModRevision, kv.Version} {
			sum.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
		}
		sum.Write([]byte(kv.Key))
		sum.Write(kv.Value)
	}
	return sum.Sum32(), list.Revision, nil
}

// clusterService is the part of etcd's Cluster service that asks.
type clusterService struct {
	pb.UnimplementedClusterServer
	*Server
}

// MemberList lists the one member.
func (s *clusterService) MemberList(ctx context.Context, _ *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	member := &pb.Member{ID: memberID, Name: "coracle", ClientURLs: s.opts.ClientURLs}
	return &pb.MemberListResponse{Header: header, Members: []*pb.Member{member}}, nil
}

package etcdserver

import (
	"context"
	"errors"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coracle-k8s/coracle/store"
)

// Put writes a key, whether it is there or not.
func (s *kvService) Put(ctx context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	if err := checkPut(r); err != nil {
		return nil, err
	}
	var response *pb.PutResponse
	_, err := s.changing(ctx, string(r.Key), func(current *store.KeyValue, _ int64) (err error) {
		response, err = s.put(ctx, r, current)
		return err
	})
	if err != nil {
		return nil, s.status(err)
	}
	return response, nil
}

// checkPut refuses what no key could make right.
func checkPut(r *pb.PutRequest) error {
	switch {
	case len(r.Key) == 0:
		return rpctypes.ErrGRPCEmptyKey
	case r.IgnoreValue && len(r.Value) > 0:
		return rpctypes.ErrGRPCValueProvided
	case r.IgnoreLease && r.Lease != 0:
		return rpctypes.ErrGRPCLeaseProvided
	case len(r.Key)+len(r.Value) > maxRequest:
		return rpctypes.ErrGRPCRequestTooLarge
	}
	return nil
}

// changing runs change with the key as it is, nil if it is not there, and the
// revision at which that is so. When change fails since somebody came between,
// it runs again. It returns the last revision read.
func (s *Server) changing(ctx context.Context, key string, change func(*store.KeyValue, int64) error) (int64, error) {
	for {
		kv, revision, err := s.store.Get(ctx, key, 0)
		current := &kv
		if errors.Is(err, store.ErrNotFound) {
			current, err = nil, nil
		}
		if err == nil {
			err = change(current, revision)
		}
		if !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			return revision, err
		}
	}
}

// put writes r if the key is still as current says.
func (s *Server) put(ctx context.Context, r *pb.PutRequest, current *store.KeyValue) (*pb.PutResponse, error) {
	value, lease := r.Value, r.Lease
	if (r.IgnoreValue || r.IgnoreLease) && current == nil {
		return nil, rpctypes.ErrGRPCKeyNotFound
	}
	if r.IgnoreValue {
		value = current.Value
	}
	if r.IgnoreLease {
		lease = s.leases.of(current)
	}
	ttl, err := s.leases.remaining(lease)
	if err != nil {
		return nil, err
	}
	revision, err := s.write(ctx, string(r.Key), value, current, ttl)
	if err != nil {
		return nil, err
	}
	if err := s.attach(ctx, lease, string(r.Key), revision, ttl); err != nil {
		return nil, err
	}
	response := &pb.PutResponse{Header: header(revision)}
	if r.PrevKv && current != nil {
		response.PrevKv = s.keyValue(current)
	}
	return response, nil
}

// write creates or updates the key if it is still as current says.
func (s *Server) write(ctx context.Context, key string, value []byte, current *store.KeyValue, ttl time.Duration) (int64, error) {
	if current == nil {
		return s.store.Create(ctx, key, value, ttl)
	}
	return s.store.Update(ctx, key, value, current.ModRevision, ttl)
}

// DeleteRange deletes keys, one after the other.
func (s *kvService) DeleteRange(ctx context.Context, r *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	if len(r.Key) == 0 {
		return nil, rpctypes.ErrGRPCEmptyKey
	}
	list, err := s.store.List(ctx, rangeOf(r.Key, r.RangeEnd), store.ListOptions{KeysOnly: true})
	if err != nil {
		return nil, s.status(err)
	}
	response := &pb.DeleteRangeResponse{Header: header(list.Revision)}
	for _, kv := range list.Items {
		was, revision, err := s.store.Delete(ctx, kv.Key, 0)
		if errors.Is(err, store.ErrNotFound) {
			continue // somebody else did
		}
		if err != nil {
			return nil, s.status(err)
		}
		response.Header.Revision = revision
		response.Deleted++
		if r.PrevKv {
			response.PrevKvs = append(response.PrevKvs, s.keyValue(&was))
		}
	}
	return response, nil
}

// delete deletes one key if it is still as current says.
func (s *Server) delete(ctx context.Context, r *pb.DeleteRangeRequest, current *store.KeyValue, now int64) (*pb.DeleteRangeResponse, error) {
	if current == nil {
		return &pb.DeleteRangeResponse{Header: header(now)}, nil
	}
	was, revision, err := s.store.Delete(ctx, current.Key, current.ModRevision)
	if err != nil {
		return nil, err
	}
	response := &pb.DeleteRangeResponse{Header: header(revision), Deleted: 1}
	if r.PrevKv {
		response.PrevKvs = append(response.PrevKvs, s.keyValue(&was))
	}
	return response, nil
}

// Compact forgets history. A physical compaction is no different: when it
// returns, the store has done all it does.
func (s *kvService) Compact(ctx context.Context, r *pb.CompactionRequest) (*pb.CompactionResponse, error) {
	if err := s.store.Compact(ctx, r.Revision); err != nil {
		return nil, s.status(err)
	}
	header, err := s.headerNow(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.CompactionResponse{Header: header}, nil
}

package etcdserver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coracle-k8s/coracle/store"
)

// maxOps is the most comparisons, and operations in a branch: etcd's
// --max-txn-ops.
const maxOps = 128

// Txn compares, and then does one of two lists of operations, as if nobody else
// were there.
//
// The key that is compared and written is read, the comparisons are made, and the
// write is done on the condition that the key still has the revision that was
// read. If it does not, somebody came between, and all starts again. A branch that
// only reads does so at the revision of the comparison. So any comparison works,
// with a store that can only compare revisions.
func (s *kvService) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	key, err := subject(r)
	if err != nil {
		return nil, err
	}
	var response *pb.TxnResponse
	_, err = s.changing(ctx, key, func(current *store.KeyValue, now int64) error {
		holds := slices.IndexFunc(r.Compare, func(c *pb.Compare) bool { return !s.holds(c, current) }) < 0
		ops := r.Success
		if !holds {
			ops = r.Failure
		}
		if err := s.readable(ctx, ops); err != nil {
			return err
		}
		done, revision, err := s.perform(ctx, ops, current, now)
		response = &pb.TxnResponse{Header: header(revision), Succeeded: holds, Responses: done}
		return err
	})
	if err != nil {
		return nil, s.status(err)
	}
	return response, nil
}

// readable checks that the revisions that operations ask for can be read. It
// comes before the write, so that a transaction that fails has done nothing.
func (s *Server) readable(ctx context.Context, ops []*pb.RequestOp) error {
	for _, op := range ops {
		if r := op.GetRequestRange(); r != nil && r.Revision > 0 {
			opts := store.ListOptions{Revision: r.Revision, CountOnly: true}
			if _, err := s.store.List(ctx, store.Range{}, opts); err != nil {
				return err
			}
		}
	}
	return nil
}

// perform does the operations of a branch, which was chosen by the key as current
// says at the revision now. It returns the revision afterwards.
func (s *Server) perform(ctx context.Context, ops []*pb.RequestOp, current *store.KeyValue, now int64) ([]*pb.ResponseOp, int64, error) {
	done := make([]*pb.ResponseOp, len(ops))
	before, revision := now, now
	// The write comes first, since it may find that somebody came between.
	for i, op := range ops {
		switch r := op.Request.(type) {
		case *pb.RequestOp_RequestPut:
			put, err := s.put(ctx, r.RequestPut, current)
			if err != nil {
				return nil, 0, err
			}
			revision = put.Header.Revision
			done[i] = &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{ResponsePut: put}}
		case *pb.RequestOp_RequestDeleteRange:
			deleted, err := s.delete(ctx, r.RequestDeleteRange, current, now)
			if err != nil {
				return nil, 0, err
			}
			revision = deleted.Header.Revision
			done[i] = &pb.ResponseOp{Response: &pb.ResponseOp_ResponseDeleteRange{ResponseDeleteRange: deleted}}
		}
	}
	if revision != now {
		before = revision - 1
	}
	// Reads see what was there before the write, or after it, as they are placed.
	at := before
	for i, op := range ops {
		r, ok := op.Request.(*pb.RequestOp_RequestRange)
		if !ok {
			at = revision
			continue
		}
		read, err := s.readAt(ctx, r.RequestRange, at)
		if errors.Is(err, store.ErrCompacted) && r.RequestRange.Revision <= 0 && revision == now {
			err = store.ErrConflict // what was current a moment ago: start again
		}
		if err != nil {
			return nil, 0, err
		}
		done[i] = &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: read.message()}}
	}
	return done, revision, nil
}

// subject returns the key that a transaction compares and writes. It fails if
// there is more than one, or if the transaction is not of a kind that is served.
func subject(r *pb.TxnRequest) (string, error) {
	if max(len(r.Compare), len(r.Success), len(r.Failure)) > maxOps {
		return "", rpctypes.ErrGRPCTooManyOps
	}
	var keys [][]byte
	for _, c := range r.Compare {
		if len(c.Key) == 0 {
			return "", rpctypes.ErrGRPCEmptyKey
		}
		if len(c.RangeEnd) > 0 {
			return "", errBeyond("a comparison of a range of keys is not supported")
		}
		keys = append(keys, c.Key)
	}
	for _, branch := range [][]*pb.RequestOp{r.Success, r.Failure} {
		written, err := checkBranch(branch)
		if err != nil {
			return "", err
		}
		keys = append(keys, written...)
	}
	for _, key := range keys {
		if !bytes.Equal(key, keys[0]) {
			return "", errBeyond("a transaction over several keys is not supported")
		}
	}
	if len(keys) == 0 {
		return "\x00", nil // it only reads: any key tells the revision
	}
	return string(keys[0]), nil
}

// checkBranch returns the keys that the operations write.
func checkBranch(ops []*pb.RequestOp) ([][]byte, error) {
	var written [][]byte
	for _, op := range ops {
		switch r := op.Request.(type) {
		case *pb.RequestOp_RequestRange:
			if len(r.RequestRange.Key) == 0 {
				return nil, rpctypes.ErrGRPCEmptyKey
			}
		case *pb.RequestOp_RequestPut:
			if err := checkPut(r.RequestPut); err != nil {
				return nil, err
			}
			written = append(written, r.RequestPut.Key)
		case *pb.RequestOp_RequestDeleteRange:
			d := r.RequestDeleteRange
			if len(d.Key) == 0 {
				return nil, rpctypes.ErrGRPCEmptyKey
			}
			if len(d.RangeEnd) > 0 {
				return nil, errBeyond("deleting a range of keys in a transaction is not supported")
			}
			written = append(written, d.Key)
		default:
			return nil, errBeyond("a transaction in a transaction is not supported")
		}
	}
	if len(written) > 1 {
		return nil, errBeyond("a transaction with several writes is not supported")
	}
	return written, nil
}

// holds reports whether a comparison is true of the key, nil if it is not there.
// Then its numbers are zero, and no comparison with its value holds.
func (s *Server) holds(c *pb.Compare, kv *store.KeyValue) bool {
	if kv == nil {
		if c.Target == pb.Compare_VALUE {
			return false
		}
		kv = &store.KeyValue{}
	}
	var order int
	switch c.Target {
	case pb.Compare_VALUE:
		order = bytes.Compare(kv.Value, c.GetValue())
	case pb.Compare_VERSION:
		order = cmp.Compare(kv.Version, c.GetVersion())
	case pb.Compare_CREATE:
		order = cmp.Compare(kv.CreateRevision, c.GetCreateRevision())
	case pb.Compare_MOD:
		order = cmp.Compare(kv.ModRevision, c.GetModRevision())
	case pb.Compare_LEASE:
		order = cmp.Compare(s.leases.of(kv), c.GetLease())
	}
	switch c.Result {
	case pb.Compare_EQUAL:
		return order == 0
	case pb.Compare_NOT_EQUAL:
		return order != 0
	case pb.Compare_GREATER:
		return order > 0
	}
	return order < 0
}

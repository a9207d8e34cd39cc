package etcdserver

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coracle-k8s/coracle/store"
)

// kvService is etcd's KV service.
type kvService struct {
	pb.UnimplementedKVServer
	*Server
}

// Range reads a key or a range of keys.
func (s *kvService) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	response, err := s.read(ctx, r)
	if err != nil {
		return nil, s.status(err)
	}
	if r.Revision > 0 {
		// The header has the current revision, whatever was read at.
		if response.Header, err = s.headerNow(ctx); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// read answers r. The header has the revision that was read at.
func (s *Server) read(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	return s.readAt(ctx, r, max(0, r.Revision))
}

// readAt answers r at a revision, zero meaning now, unless it asks for another.
func (s *Server) readAt(ctx context.Context, r *pb.RangeRequest, revision int64) (*pb.RangeResponse, error) {
	if len(r.Key) == 0 {
		return nil, rpctypes.ErrGRPCEmptyKey
	}
	if r.Revision > 0 {
		revision = r.Revision
	}
	opts := store.ListOptions{
		Revision:  revision,
		Limit:     int(max(0, r.Limit)),
		KeysOnly:  r.KeysOnly,
		CountOnly: r.CountOnly,
	}
	chosen := picks(r)
	if chosen {
		opts.Limit, opts.KeysOnly = 0, false // of what is chosen, not of what is there
	}
	list, err := s.store.List(ctx, rangeOf(r.Key, r.RangeEnd), opts)
	if err != nil {
		return nil, err
	}
	more := !r.CountOnly && int64(len(list.Items)) < list.Count
	if chosen {
		list.Items, more = pick(list.Items, r)
	}
	response := &pb.RangeResponse{Header: header(list.Revision), Count: list.Count, More: more}
	for i := range list.Items {
		response.Kvs = append(response.Kvs, s.keyValue(&list.Items[i]))
	}
	return response, nil
}

// rangeOf returns a range as etcd writes it: no end means the one key, and an
// end of one zero byte means all keys from the first on.
func rangeOf(key, end []byte) store.Range {
	switch {
	case len(end) == 0:
		return store.Key(string(key))
	case bytes.Equal(end, []byte{0}):
		return store.Range{Start: string(key)}
	}
	return store.Range{Start: string(key), End: string(end)}
}

// keyValue returns kv as etcd writes it.
func (s *Server) keyValue(kv *store.KeyValue) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{
		Key: []byte(kv.Key), Value: kv.Value,
		CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision, Version: kv.Version,
		Lease: s.leases.of(kv),
	}
}

// picks reports whether r wants another order than that of the keys, or some of
// the keys only. Kubernetes does not, people with etcdctl do.
func picks(r *pb.RangeRequest) bool {
	byKey := r.SortTarget == pb.RangeRequest_KEY && r.SortOrder != pb.RangeRequest_DESCEND
	return r.SortOrder != pb.RangeRequest_NONE && !byKey ||
		r.MinModRevision != 0 || r.MaxModRevision != 0 || r.MinCreateRevision != 0 || r.MaxCreateRevision != 0
}

// pick returns the items that r chooses in the order it wants, and whether the
// limit left some out.
func pick(items []store.KeyValue, r *pb.RangeRequest) ([]store.KeyValue, bool) {
	items = slices.DeleteFunc(items, func(kv store.KeyValue) bool {
		return !within(kv.ModRevision, r.MinModRevision, r.MaxModRevision) ||
			!within(kv.CreateRevision, r.MinCreateRevision, r.MaxCreateRevision)
	})
	if r.SortOrder != pb.RangeRequest_NONE {
		slices.SortStableFunc(items, func(a, b store.KeyValue) int {
			if r.SortOrder == pb.RangeRequest_DESCEND {
				a, b = b, a
			}
			return compareBy(r.SortTarget, a, b)
		})
	}
	more := r.Limit > 0 && int64(len(items)) > r.Limit
	if more {
		items = items[:r.Limit]
	}
	if r.KeysOnly {
		for i := range items {
			items[i].Value = nil
		}
	}
	return items, more
}

// within reports whether low <= n <= high; zero means no bound.
func within(n, low, high int64) bool { return n >= low && (high == 0 || n <= high) }

func compareBy(target pb.RangeRequest_SortTarget, a, b store.KeyValue) int {
	switch target {
	case pb.RangeRequest_VERSION:
		return cmp.Compare(a.Version, b.Version)
	case pb.RangeRequest_CREATE:
		return cmp.Compare(a.CreateRevision, b.CreateRevision)
	case pb.RangeRequest_MOD:
		return cmp.Compare(a.ModRevision, b.ModRevision)
	case pb.RangeRequest_VALUE:
		return bytes.Compare(a.Value, b.Value)
	}
	return cmp.Compare(a.Key, b.Key)
}

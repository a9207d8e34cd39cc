package etcdserver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/mem"

	"github.com/coracle-k8s/coracle/store"
)

// kvService is etcd's KV service.
type kvService struct {
	pb.UnimplementedKVServer
	*Server
}

// encodedRange reads a key or a range of keys. The reply is encoded; it stands in for
// Range, see [kvDesc].
func (s *kvService) encodedRange(ctx context.Context, r *pb.RangeRequest) (mem.BufferSlice, error) {
	p, err := s.readAt(ctx, r, 0)
	if err != nil {
		return nil, s.status(err)
	}
	if p.revision, err = s.headerRevision(ctx, r, p); err != nil {
		return nil, s.status(err)
	}
	return p.encode(&s.buffers), nil
}

// headerRevision returns what the header of the answer to r says: the current
// revision, whatever was read at.
func (s *Server) headerRevision(ctx context.Context, r *pb.RangeRequest, p page) (int64, error) {
	if r.Revision <= 0 {
		return p.revision, nil
	}
	return s.store.Revision(ctx)
}

// A page is what a Range is answered with.
type page struct {
	*Server
	items    []store.KeyValue
	revision int64 // of the header, zero for none
	more     bool
	count    int64
}

// readAt answers r at a revision, zero meaning now, unless it asks for another.
// The header has the revision that was read at.
func (s *Server) readAt(ctx context.Context, r *pb.RangeRequest, revision int64) (page, error) {
	if len(r.Key) == 0 {
		return page{}, rpctypes.ErrGRPCEmptyKey
	}
	if r.Revision > 0 {
		revision = r.Revision
	}
	chosen := picks(r)
	if len(r.RangeEnd) == 0 && !chosen && !r.KeysOnly && !r.CountOnly {
		return s.readKey(ctx, string(r.Key), revision)
	}
	opts := store.ListOptions{
		Revision:  revision,
		Limit:     int(max(0, r.Limit)),
		KeysOnly:  r.KeysOnly,
		CountOnly: r.CountOnly,
	}
	if chosen {
		opts.Limit, opts.KeysOnly = 0, false // of what is chosen, not of what is there
	}
	list, err := s.store.List(ctx, rangeOf(r.Key, r.RangeEnd), opts)
	if err != nil {
		return page{}, err
	}
	more := !r.CountOnly && int64(len(list.Items)) < list.Count
	if chosen {
		list.Items, more = pick(list.Items, r)
	}
	return page{s, list.Items, list.Revision, more, list.Count}, nil
}

// readKey is readAt for one key.
func (s *Server) readKey(ctx context.Context, key string, revision int64) (page, error) {
	kv, revision, err := s.store.Get(ctx, key, revision)
	if errors.Is(err, store.ErrNotFound) {
		return page{Server: s, revision: revision}, nil
	}
	if err != nil {
		return page{}, err
	}
	return page{s, []store.KeyValue{kv}, revision, false, 1}, nil
}

// encode returns the page as the bytes of a RangeResponse, in a buffer from a pool.
func (p page) encode(buffers mem.BufferPool) mem.BufferSlice {
	size := maxHeaderSize
	for i := range p.items {
		size += sizeBytes(p.pair(&p.items[i]).size())
	}
	whole := buffers.Get(size)
	b := (*whole)[:0]
	if p.revision != 0 {
		b = appendHeader(b, p.revision)
	}
	for i := range p.items {
		kv := p.pair(&p.items[i])
		b = kv.append(b, fieldKVs, kv.size())
	}
	b = appendBool(b, fieldMore, p.more)
	*whole = appendNumber(b, fieldCount, p.count)
	return mem.BufferSlice{mem.NewBuffer(whole, buffers)}
}

// message returns what encode writes, as a message.
func (p page) message() *pb.RangeResponse {
	response := &pb.RangeResponse{Header: header(p.revision), Count: p.count, More: p.more}
	for i := range p.items {
		response.Kvs = append(response.Kvs, p.keyValue(&p.items[i]))
	}
	return response
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

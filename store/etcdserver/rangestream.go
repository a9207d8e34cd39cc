package etcdserver

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// streamChunk is how many bytes of keys and values a part of a RangeStream has, or a
// little more: enough that a part costs little, and not so much that the client waits
// long for the first.
const streamChunk = 256 << 10

// RangeStream is Range with the answer in parts, so that nobody needs to hold all of
// a long list as one message. All parts are of one revision. The header, and whether
// there is more, come with the last part.
func (s *kvService) RangeStream(r *pb.RangeRequest, stream pb.KV_RangeStreamServer) error {
	if picks(r) {
		// As etcd, in its words.
		if r.SortOrder != pb.RangeRequest_NONE {
			return status.Error(codes.Unimplemented, "RangeStream does not support custom sort orders")
		}
		return status.Error(codes.Unimplemented, "RangeStream does not support revision filters")
	}
	whole, err := s.readAt(stream.Context(), r, 0)
	if err != nil {
		return s.status(err)
	}
	if whole.revision, err = s.headerRevision(stream.Context(), r, whole); err != nil {
		return s.status(err)
	}
	for {
		part, rest, last := whole.cut()
		if err := stream.SendMsg(part.encodeAsPart(&s.buffers)); err != nil {
			return err
		}
		if last {
			return nil
		}
		whole = rest
	}
}

// cut returns the first part of a page, the rest, and whether there is no rest.
func (p page) cut() (part, rest page, last bool) {
	size := 0
	for i := range p.items {
		if size >= streamChunk {
			rest = p
			rest.items = p.items[i:]
			return page{Server: p.Server, items: p.items[:i]}, rest, false
		}
		size += len(p.items[i].Key) + len(p.items[i].Value)
	}
	return p, page{}, true
}

// encodeAsPart returns the page as the bytes of a RangeStreamResponse.
func (p page) encodeAsPart(buffers mem.BufferPool) mem.BufferSlice {
	encoded := p.encode(buffers)
	head := appendSize(nil, fieldRangeResponse, encoded.Len())
	return append(mem.BufferSlice{mem.SliceBuffer(head)}, encoded...)
}

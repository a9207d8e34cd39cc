package etcdserver

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// streamChunk is how many bytes a part of a RangeStream has at most, if it is not of
// one key: the largest buffer that the pools of gRPC have, see maxResponse.
const streamChunk = 1<<20 - 2*maxHeaderSize

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
		size += sizeBytes(p.pair(&p.items[i]).size())
		if i > 0 && size > streamChunk {
			rest = p
			rest.items = p.items[i:]
			return page{Server: p.Server, items: p.items[:i]}, rest, false
		}
	}
	return p, page{}, true
}

// encodeAsPart returns the page as the bytes of a RangeStreamResponse.
func (p page) encodeAsPart(buffers mem.BufferPool) mem.BufferSlice {
	encoded := p.encode(buffers)
	head := appendSize(nil, fieldRangeResponse, encoded.Len())
	return append(mem.BufferSlice{mem.SliceBuffer(head)}, encoded...)
}

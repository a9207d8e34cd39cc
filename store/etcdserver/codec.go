package etcdserver

import (
	"context"
	"math/bits"
	"slices"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// A codec is gRPC's way from messages to bytes and back: that of protobuf, but for
// replies that are bytes already, see [Server.encodeEvent] and [page.encode].
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal implements [encoding.CodecV2].
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if encoded, ok := v.(mem.BufferSlice); ok {
		return encoded, nil
	}
	return c.CodecV2.Marshal(v)
}

// A pool has the buffers of replies that have been sent, by the logarithm of their
// size. gRPC has pools too, but fills each buffer with zeros before it is used again.
type pool struct{ classes [maxClass + 1]sync.Pool }

// maxClass is the logarithm of the largest buffer that is kept.
const maxClass = 20

// Get implements [mem.BufferPool].
func (p *pool) Get(size int) *[]byte {
	class := bits.Len(uint(max(size, 1) - 1))
	if class > maxClass {
		b := make([]byte, size)
		return &b
	}
	b, ok := p.classes[class].Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 1<<class)
		b = &fresh
	}
	*b = (*b)[:size]
	return b
}

// Put implements [mem.BufferPool].
func (p *pool) Put(b *[]byte) {
	if class := bits.Len(uint(max(cap(*b), 1) - 1)); class <= maxClass {
		p.classes[class].Put(b)
	}
}

// kvDesc describes etcd's KV service to gRPC as its own code does, with one
// difference: a Range may be answered with bytes.
func kvDesc() *grpc.ServiceDesc {
	desc := pb.KV_ServiceDesc
	desc.Methods = slices.Clone(desc.Methods)
	for i := range desc.Methods {
		if desc.Methods[i].MethodName == "Range" {
			desc.Methods[i].Handler = rangeHandler
		}
	}
	return &desc
}

func rangeHandler(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	r := &pb.RangeRequest{}
	if err := decode(r); err != nil {
		return nil, err
	}
	return srv.(*kvService).encodedRange(ctx, r)
}

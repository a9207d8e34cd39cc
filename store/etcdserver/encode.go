package etcdserver

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/coracle-k8s/coracle/store"
)

// The replies that are sent most, keys and events, are written as bytes straight
// from what the store returns, without a message of protobuf in between: that
// would be made of many small objects, measured and copied, only to be thrown away.
// All others are messages. The tests decode what is written here as a client does.
//
// In protobuf a field is a tag (its number and kind), for bytes and messages their
// length, and its content. Zero is not written. See
// https://protobuf.dev/programming-guides/encoding/.

// The numbers of the fields that are written here, from etcd's rpc.proto and
// kv.proto.
const (
	fieldHeader = 1 // of every response

	fieldClusterID = 1 // of ResponseHeader
	fieldMemberID  = 2
	fieldRevision  = 3
	fieldRaftTerm  = 4

	fieldKVs   = 2 // of RangeResponse
	fieldMore  = 3
	fieldCount = 4

	fieldRangeResponse = 1 // of RangeStreamResponse

	fieldWatchID  = 2 // of WatchResponse
	fieldFragment = 7
	fieldEvents   = 11

	fieldType   = 1 // of Event
	fieldKV     = 2
	fieldPrevKV = 3

	fieldKey            = 1 // of KeyValue
	fieldCreateRevision = 2
	fieldModRevision    = 3
	fieldVersion        = 4
	fieldValue          = 5
	fieldLease          = 6
)

// maxHeaderSize is the most bytes of a response beside its keys or events: four
// numbers with their tags in the header, its own tag, and four numbers more.
const maxHeaderSize = 8*11 + 2

// appendNumber appends a number, if it is not zero.
func appendNumber(b []byte, field protowire.Number, n int64) []byte {
	if n == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(n))
}

func appendBool(b []byte, field protowire.Number, value bool) []byte {
	if !value {
		return b
	}
	return appendNumber(b, field, 1)
}

// appendSize begins a field of size bytes, which are to follow.
func appendSize(b []byte, field protowire.Number, size int) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(size))
}

// sizeNumber is how many bytes appendNumber appends, for the fields below 16.
func sizeNumber(n int64) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(uint64(n))
}

// sizeBytes is how many bytes a field of n bytes has, for the fields below 16.
func sizeBytes(n int) int { return 1 + protowire.SizeBytes(n) }

// appendHeader appends the header of a response.
func appendHeader(b []byte, revision int64) []byte {
	size := sizeNumber(memberID) + sizeNumber(memberID) + sizeNumber(revision) + sizeNumber(raftTerm)
	b = appendSize(b, fieldHeader, size)
	b = appendNumber(b, fieldClusterID, memberID)
	b = appendNumber(b, fieldMemberID, memberID)
	b = appendNumber(b, fieldRevision, revision)
	return appendNumber(b, fieldRaftTerm, raftTerm)
}

// header is what appendHeader writes, as a message.
func header(revision int64) *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: memberID, MemberId: memberID, RaftTerm: raftTerm, Revision: revision}
}

// A pair is a key and its lease, as etcd writes them.
type pair struct {
	*store.KeyValue
	lease int64
}

// pair returns kv with its lease.
func (s *Server) pair(kv *store.KeyValue) pair { return pair{kv, s.leases.of(kv)} }

// size is how many bytes append appends.
func (p pair) size() int {
	n := sizeBytes(len(p.Key)) + sizeNumber(p.CreateRevision) + sizeNumber(p.ModRevision) + sizeNumber(p.Version) + sizeNumber(p.lease)
	if len(p.Value) > 0 {
		n += sizeBytes(len(p.Value))
	}
	return n
}

// append appends the pair as a field of another message. size is its own.
func (p pair) append(b []byte, field protowire.Number, size int) []byte {
	b = appendSize(b, field, size)
	b = appendSize(b, fieldKey, len(p.Key)) // a key is never empty
	b = append(b, p.Key...)
	b = appendNumber(b, fieldCreateRevision, p.CreateRevision)
	b = appendNumber(b, fieldModRevision, p.ModRevision)
	b = appendNumber(b, fieldVersion, p.Version)
	if len(p.Value) > 0 {
		b = appendSize(b, fieldValue, len(p.Value))
		b = append(b, p.Value...)
	}
	return appendNumber(b, fieldLease, p.lease)
}

// message is what append writes, as a message.
func (p pair) message() *mvccpb.KeyValue {
	return &mvccpb.KeyValue{
		Key: []byte(p.Key), Value: p.Value,
		CreateRevision: p.CreateRevision, ModRevision: p.ModRevision, Version: p.Version,
		Lease: p.lease,
	}
}

// keyValue returns kv as a message of etcd.
func (s *Server) keyValue(kv *store.KeyValue) *mvccpb.KeyValue { return s.pair(kv).message() }

package etcdserver

import (
	"sync/atomic"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc/mem"

	"github.com/coracle-k8s/coracle/store"
)

// An event that fifty watchers want is encoded once. The bytes are the whole field
// of a WatchResponse, and a response is a head of its own and the bytes of its
// events, one after the other:
//
//	watch 1   [head 1][event 7][event 8]
//	watch 2   [head 2][event 7][event 8][event 9]
//	watch 3              [head 3][event 8][event 9]
//
// So watchers of different ranges, and those that are behind, share them too.

const (
	// sharedEvents is how many of the last events are kept encoded, in each of the
	// two ways.
	sharedEvents = 1024
	// maxShared is how many bytes such an event has at most, so that all of them have
	// no more than 32 MiB.
	maxShared = 16 << 10
)

// A shelf has the last events as bytes, each in the place that its revision gives
// it, until a later one takes the place; who reads the past does not push them out. It
// is safe for concurrent use.
type shelf [sharedEvents]atomic.Pointer[encodedEvent]

// An encodedEvent is an event as a watcher gets it.
type encodedEvent struct {
	key      string
	revision int64
	bytes    mem.Buffer // is never modified
}

// place returns where an event is found if it is there.
func (s *shelf) place(revision int64) *atomic.Pointer[encodedEvent] {
	return &s[uint64(revision)%sharedEvents]
}

// encodeEvent returns an event as bytes, with the value before if that is wanted.
func (s *Server) encodeEvent(e *store.Event, withPrev bool) *encodedEvent {
	shelf := &s.plain
	if withPrev {
		shelf = &s.withPrev
	}
	place := shelf.place(e.KV.ModRevision)
	at := place.Load()
	if at != nil && at.revision == e.KV.ModRevision && at.key == e.KV.Key {
		return at
	}
	kv, prev := s.pair(&e.KV), pair{}
	size := sizeBytes(kv.size())
	if withPrev && e.Prev != nil {
		prev = s.pair(e.Prev)
		size += sizeBytes(prev.size())
	}
	if e.Type == store.Delete {
		size += sizeNumber(1)
	}
	b := appendSize(make([]byte, 0, sizeBytes(size)), fieldEvents, size)
	if e.Type == store.Delete {
		b = appendNumber(b, fieldType, int64(mvccpb.Event_DELETE))
	}
	b = kv.append(b, fieldKV, kv.size())
	if prev.KeyValue != nil {
		b = prev.append(b, fieldPrevKV, prev.size())
	}
	encoded := &encodedEvent{e.KV.Key, e.KV.ModRevision, mem.SliceBuffer(b)}
	if (at == nil || at.revision < encoded.revision) && sharable(e) && len(b) <= maxShared {
		place.Store(encoded)
	}
	return encoded
}

// sharable reports whether an event looks the same whenever it is encoded. The lease
// of a key can come and go after the write.
func sharable(e *store.Event) bool {
	return e.KV.Expires.IsZero() && (e.Prev == nil || e.Prev.Expires.IsZero())
}

// wants reports whether the client of a watch wants to see an event.
func (w *watch) wants(e *store.Event) bool {
	if e.Type == store.Delete && w.noDelete || e.Type == store.Put && w.noPut {
		return false
	}
	return e.KV.ModRevision >= w.request.StartRevision
}

// maxResponse is how many bytes of events a response has, if it is not a single one:
// gRPC's Go client takes a buffer of a pool for each message and fills it with zeros
// first, 32 KiB for a message up to that size, and 1 MiB for the next larger one.
const maxResponse = 32<<10 - maxHeaderSize

// A watchResponse is a response under construction.
type watchResponse struct {
	buffers  mem.BufferSlice // the first is for the head
	revision int64           // of the last event
	fragment bool            // the events of that revision go on in the next one
	size     int
}

// responses packs the events of a batch that the client wants into as many responses
// as their size needs. The events of one revision stay together, or come as
// fragments if the client said that it knows them.
func (s *Server) responses(w *watch, events []store.Event) []watchResponse {
	var out []watchResponse
	last := &watchResponse{size: maxResponse}
	for i := range events {
		e := &events[i]
		if !w.wants(e) {
			continue
		}
		encoded := s.encodeEvent(e, w.request.PrevKv)
		again := e.KV.ModRevision == last.revision
		if last.size+encoded.bytes.Len() > maxResponse && (!again || w.request.Fragment) {
			last.fragment = again
			out = append(out, watchResponse{buffers: make(mem.BufferSlice, 1, 1+min(len(events)-i, 32))})
			last = &out[len(out)-1]
		}
		last.buffers = append(last.buffers, encoded.bytes)
		last.revision = e.KV.ModRevision
		last.size += encoded.bytes.Len()
	}
	return out
}

// encode returns the response as bytes.
func (r *watchResponse) encode(id int64) mem.BufferSlice {
	head := appendHeader(make([]byte, 0, maxHeaderSize), r.revision)
	head = appendNumber(head, fieldWatchID, id)
	r.buffers[0] = mem.SliceBuffer(appendBool(head, fieldFragment, r.fragment))
	return r.buffers
}

package apiserver

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// An encoding is the protobuf form of an entry's object without its revision.
// Most often it is what is stored, byte for byte, and then is the store's own
// memory. It is not where a default has come since, or where what is stored is in
// another version or encrypted; then it is made, when it is first asked for.
type encoding struct {
	stored  []byte
	once    sync.Once
	message api.Message
	has     bool // the object has such a form
}

// message returns an entry's object to be sent as it is, if the client wants it so.
func (q *request) message(e *entry) (api.Message, bool) {
	if !q.takesMessages() || e.empty() {
		return api.Message{}, false
	}
	return e.message(q.server.storage)
}

// takesMessages says whether the client wants objects in protobuf, whole.
func (q *request) takesMessages() bool {
	return q.format.mediaType == api.Protobuf && q.format.shape == asIs
}

// message returns the object to be sent as it is, or false if it must be encoded.
func (e *entry) message(s *Storage) (api.Message, bool) {
	enc := &e.encoding
	enc.once.Do(func() {
		if s.written.has(e.revision) {
			enc.message, enc.has = api.ParseMessage(enc.stored)
			return
		}
		bare := shallowCopy(e.object())
		bare.SetResourceVersion("")
		made, err := s.codec.EncodeStored(bare)
		switch {
		case err != nil:
		case bytes.Equal(made, enc.stored):
			enc.message, enc.has = api.ParseMessage(enc.stored)
		default:
			enc.message, enc.has = api.ParseMessage(made)
		}
	})
	return enc.message, enc.has
}

// ownWrites are the last few thousand revisions that this server has written: of
// their objects it knows, without encoding them again, that they are stored as they
// would be sent. It is safe for concurrent use.
type ownWrites [4096]atomic.Int64

func (w *ownWrites) add(revision int64) { w[revision%int64(len(w))].Store(revision) }

func (w *ownWrites) has(revision int64) bool { return w[revision%int64(len(w))].Load() == revision }

// answerStored answers with what a write has led to, which need not be encoded
// again if the client takes it as it is stored.
func (q *request) answerStored(code int, v *view, obj api.Object) error {
	if q.stored.object == obj && v.whole && q.takesMessages() && q.resource.Stored == nil {
		if message, ok := api.ParseMessage(q.stored.value); ok {
			return q.sendMessage(code, message, q.stored.revision)
		}
	}
	return q.answer(code, v.show(obj))
}

// messageFrame is encodeFrame for a message at a revision.
func messageFrame(eventType watch.EventType, message api.Message, revision int64) []byte {
	kind, at := string(eventType), formatRevision(revision)
	size := message.EventSize(kind, at)
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+size), uint32(size))
	return message.AppendEvent(frame, kind, at)
}

// sendMessage answers with a message.
func (q *request) sendMessage(code int, message api.Message, revision int64) error {
	at := formatRevision(revision)
	q.send(code, api.Protobuf, message.Append(make([]byte, 0, message.Size(at)), at))
	return nil
}

// sendMessages answers with a list, piece by piece, so that a list of thousands
// needs no memory of its own. It is false, and nothing has been sent, if an entry
// is not a message.
func (q *request) sendMessages(found *page, listed listMeta) (bool, error) {
	empty, err := typedList(q.resource, nil, listed)
	if err != nil {
		return false, err
	}
	encoded, err := q.server.storage.codec.EncodeBytes(empty, api.Protobuf)
	if err != nil {
		return false, err
	}
	around, ok := api.ParseListMessage(encoded)
	switch {
	case !ok:
		return false, nil
	case found.whole && found.isLarge() && q.takesGzip():
		return q.sendPacks(around, found)
	default:
		return q.sendItems(around, found.entries), nil
	}
}

// sendItems sends the entries of a list as they are.
func (q *request) sendItems(around api.ListMessage, entries []*entry) bool {
	storage, items := q.server.storage, 0
	for _, e := range entries {
		message, ok := e.message(storage)
		if !ok {
			return false
		}
		items += message.ItemSize(formatRevision(e.revision))
	}
	out := q.open(http.StatusOK, api.Protobuf, around.Size(items))
	defer out.close()
	buffer := q.server.buffers.Get().(*[]byte)
	defer q.server.buffers.Put(buffer)
	piece := around.Begin((*buffer)[:0], items)
	for _, e := range entries {
		message, _ := e.message(storage)
		piece = message.AppendItem(piece, formatRevision(e.revision))
		n := 0
		for ; len(piece)-n >= streamBuffer; n += streamBuffer {
			if _, err := out.Write(piece[n : n+streamBuffer]); err != nil {
				return true // a client that went away
			}
		}
		piece = piece[:copy(piece, piece[n:])]
	}
	_, _ = out.Write(around.End(piece))
	return true
}

// sendPacks sends the entries of a list compressed. Nobody compresses twice what
// has not changed.
func (q *request) sendPacks(around api.ListMessage, found *page) (bool, error) {
	storage := q.server.storage
	col, err := storage.cache.collection(q.Context(), q.resource)
	if err != nil {
		return false, storeError(q.resource, "", err)
	}
	parts, ok := col.packs.list(q.resource, found.selectors, found.entries, storage)
	if !ok {
		return false, nil
	}
	items := 0
	for _, part := range parts {
		items += part.size
	}
	stream := append([]deflated{verbatim(around.Begin(nil, items), false)}, parts...)
	stream = append(stream, verbatim(around.End(nil), true))
	header := q.w.Header()
	header.Set("Content-Type", api.Protobuf)
	header.Set("Cache-Control", "no-cache, private")
	header.Set("Content-Encoding", "gzip")
	header.Add("Vary", "Accept-Encoding")
	header.Set("Content-Length", strconv.Itoa(gzipSize(stream)))
	q.w.WriteHeader(http.StatusOK)
	_ = writeGzip(q.w, stream) // an error here is a client that went away
	return true, nil
}

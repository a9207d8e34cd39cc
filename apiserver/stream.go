package apiserver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// errClientGone ends a watch whose client cannot be written to.
var errClientGone = errors.New("the client has gone")

// A stream writes a watch's events in the client's format.
type stream struct {
	q       *request
	form    string
	started bool     // a table has sent its columns
	frames  [][]byte // events not yet written, shared with other watches
	waiting int      // bytes in frames
	events  prometheus.Counter
}

func (q *request) newStream() *stream {
	return &stream{
		q: q, form: q.format.form() + ";" + q.URL.Query().Get("includeObject"),
		events: q.server.metrics.watchEvents.WithLabelValues(q.resource.Group, q.resource.Version, q.resource.Plural),
	}
}

// deliver writes what a watcher's event is to the selection, if anything. The
// encoding is shared with all other watchers that want the same.
func (s *stream) deliver(d *delivery, sel *selection) error {
	if s.q.resource.Made != nil {
		var err error
		if d, err = s.q.server.storage.cache.makeDelivery(s.q.Context(), s.q.resource, d); err != nil {
			return err
		}
	}
	eventType := d.seenBy(sel.matches)
	if eventType == "" {
		return nil
	}
	form, first := frameForm{eventType: eventType, form: s.form}, s.first()
	if first && s.q.format.shape == asTable {
		form.form += ";first"
	}
	return s.writeFrame(d.frame(form, func() ([]byte, error) {
		shown, object := d.shown(eventType)
		if message, ok := s.q.message(shown); ok {
			return messageFrame(eventType, message, d.revision), nil
		}
		return s.encode(eventType, object(), first)
	}))
}

// present writes an object that is there, to a watcher that begins with the state.
func (s *stream) present(e *entry) error {
	if message, ok := s.q.message(e); ok {
		return s.writeFrame(messageFrame(watch.Added, message, e.revision), nil)
	}
	return s.send(watch.Added, e.object())
}

// send writes an event of this watch alone.
func (s *stream) send(eventType watch.EventType, obj api.Object) error {
	return s.writeFrame(s.encode(eventType, obj, s.first()))
}

// bookmark writes a bookmark.
func (s *stream) bookmark(revision int64, initialEnd bool) error {
	return s.send(watch.Bookmark, bookmarkObject(s.q.resource, revision, initialEnd))
}

// first says, once, that nothing has been written yet.
func (s *stream) first() bool {
	first := !s.started
	s.started = true
	return first
}

func (s *stream) encode(eventType watch.EventType, obj api.Object, first bool) ([]byte, error) {
	shaped, err := s.q.shapeEvent(obj, eventType, first)
	if err != nil {
		return nil, err
	}
	return encodeFrame(s.q.server.storage.codec, s.q.format, eventType, shaped)
}

func (s *stream) writeFrame(data []byte, err error) error {
	if err != nil {
		return err
	}
	s.events.Inc()
	if s.waiting > 0 && s.waiting+len(data) > streamBuffer {
		if err := s.drain(); err != nil {
			return err
		}
	}
	s.frames, s.waiting = append(s.frames, data), s.waiting+len(data)
	return nil
}

// streamBuffer is how many bytes of events, or of a list, are written at once, so
// that a hundred events of one batch are not a hundred packets. They make one frame of
// HTTP/2 that, with its header of 9 bytes, fits into one record of TLS.
const streamBuffer = 16<<10 - 9

// newStreamBuffer makes a buffer in which events are put together. Watches lend
// it for the moment of writing, since most of them wait most of the time.
func newStreamBuffer() any {
	buffer := make([]byte, 0, 2*streamBuffer)
	return &buffer
}

// drain writes the frames. A single one needs no copy.
func (s *stream) drain() error {
	data := s.frames[0]
	if len(s.frames) > 1 {
		buffer := s.q.server.buffers.Get().(*[]byte)
		defer s.q.server.buffers.Put(buffer)
		data = (*buffer)[:0]
		for _, frame := range s.frames {
			data = append(data, frame...)
		}
	}
	clear(s.frames)
	s.frames, s.waiting = s.frames[:0], 0
	if _, err := s.q.w.Write(data); err != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	return nil
}

// flush sends what has been written so far.
func (s *stream) flush() error {
	if len(s.frames) > 0 {
		if err := s.drain(); err != nil {
			return err
		}
	}
	http.Flusher(s.q.w).Flush()
	return nil
}

// encodeFrame encodes one event of a watch: a JSON document on a line, or a
// protobuf message behind its length in 4 bytes.
func encodeFrame(codec *api.Codec, f format, eventType watch.EventType, obj runtime.Object) ([]byte, error) {
	data, err := codec.EncodeBytes(obj, f.mediaType)
	if err != nil {
		return nil, err
	}
	if f.mediaType != api.Protobuf {
		var b bytes.Buffer
		b.Grow(len(data) + 40)
		fmt.Fprintf(&b, `{"type":%q,"object":`, eventType)
		b.Write(bytes.TrimRight(data, "\n"))
		b.WriteString("}\n")
		return b.Bytes(), nil
	}
	message := metav1.WatchEvent{Type: string(eventType), Object: runtime.RawExtension{Raw: data}}
	body, err := message.Marshal()
	if err != nil {
		return nil, fmt.Errorf("encode watch event: %w", err)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...), nil
}

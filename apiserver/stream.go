package apiserver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

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
	started bool // a table has sent its columns
}

func (q *request) newStream() *stream {
	return &stream{q: q, form: q.format.form() + ";" + q.URL.Query().Get("includeObject")}
}

// deliver writes what a watcher's event is to the selection, if anything. The
// encoding is shared with all other watchers that want the same.
func (s *stream) deliver(d *delivery, sel *selection) error {
	eventType, obj := d.seenBy(sel.matches)
	if eventType == "" {
		return nil
	}
	form := frameForm{eventType: eventType, form: s.form}
	if first := s.first(); first {
		form.form += ";first"
		return s.writeFrame(d.frame(form, func() ([]byte, error) { return s.encode(eventType, obj, first) }))
	}
	return s.writeFrame(d.frame(form, func() ([]byte, error) { return s.encode(eventType, obj, false) }))
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
	if _, err := s.q.w.Write(data); err != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	s.q.server.metrics.watchEvents.Inc()
	return nil
}

func (s *stream) flush() { http.Flusher(s.q.w).Flush() }

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

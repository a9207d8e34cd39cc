package apiserver

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// gzipFrom is the size in bytes from which an answer is compressed for clients
// that take it so.
const gzipFrom = 128 << 10

// A response remembers what was answered. It passes on what streams need of
// the connection: flushing, and taking it over.
type response struct {
	http.ResponseWriter
	code  int
	size  int64  // bytes of the body
	trail *trail // nil if the auditor hears nothing
}

// begin notes the answer's code, of which the first counts.
func (w *response) begin(code int) {
	if w.code == 0 {
		w.code = code
		w.trail.begun(code)
	}
}

// Answered notes what the answer is, where code of others writes it.
func (w *response) Answered(obj runtime.Object) { w.trail.answered(obj) }

func (w *response) WriteHeader(code int) {
	w.begin(code)
	w.ResponseWriter.WriteHeader(code)
}

func (w *response) Write(data []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.ResponseWriter.Write(data)
	w.size += int64(n)
	w.trail.copy(data[:n])
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher. A writer that cannot flush does not buffer.
func (w *response) Flush() {
	w.begin(http.StatusOK)
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker; HTTP/2 connections refuse.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.begin(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}

// answer writes an object as the client's format wants it.
func (q *request) answer(code int, obj runtime.Object) error {
	shaped, err := q.shape(obj)
	if err != nil {
		return err
	}
	return q.write(code, shaped)
}

// write encodes an object and sends it.
func (q *request) write(code int, obj runtime.Object) error {
	q.trail.answered(obj)
	data, err := q.server.storage.codec.EncodeBytes(obj, q.format.mediaType)
	if err != nil {
		return err
	}
	if q.format.pretty {
		var indented bytes.Buffer
		if json.Indent(&indented, data, "", "  ") == nil {
			data = indented.Bytes()
		}
	}
	q.send(code, q.format.mediaType, data)
	return nil
}

// send writes bytes, compressed where that pays.
func (q *request) send(code int, contentType string, data []byte) {
	out := q.open(code, contentType, len(data))
	defer out.close()
	_, _ = out.Write(data) // an error here is a client that went away
}

// A sink is where the body of an answer goes.
type sink struct {
	io.Writer
	close func()
}

// open begins an answer whose body has a size before it is compressed.
func (q *request) open(code int, contentType string, size int) sink {
	header := q.w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Cache-Control", "no-cache, private")
	if size < gzipFrom || !q.takesGzip() {
		header.Set("Content-Length", strconv.Itoa(size))
		q.w.WriteHeader(code)
		return sink{q.w, func() {}}
	}
	header.Set("Content-Encoding", "gzip")
	header.Add("Vary", "Accept-Encoding")
	q.w.WriteHeader(code)
	zip := q.server.zips.Get().(*gzip.Writer)
	zip.Reset(q.w)
	return sink{zip, func() {
		_ = zip.Close()
		zip.Reset(io.Discard)
		q.server.zips.Put(zip)
	}}
}

// takesGzip says whether the client takes compressed answers.
func (q *request) takesGzip() bool {
	return strings.Contains(q.Header.Get("Accept-Encoding"), "gzip")
}

// newZip returns a writer that compresses. It has a megabyte of its own, so they
// are used again.
func newZip() any {
	zip, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is one
	return zip
}

// fail answers with an error's Status. Once an answer has begun it is too late.
func (q *request) fail(err error) {
	status := statusOf(err)
	if status.Code >= http.StatusInternalServerError {
		q.server.Logger.Log(q.Context(), severity(q.Context(), slog.LevelError, err), "request failed", "method", q.Method, "path", q.URL.Path, "err", err)
	}
	if q.w.code != 0 {
		return
	}
	if status.Code == http.StatusNotAcceptable || status.Code == http.StatusUnsupportedMediaType && q.Method == http.MethodPatch {
		q.w.Header().Del("Warning") // of what has not been read
	}
	if seconds := retryAfter(status); seconds > 0 {
		q.w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if q.format.mediaType == "" {
		q.format.mediaType = api.JSON
	}
	if q.info != nil && !q.info.IsResource {
		q.format = format{mediaType: api.JSON}
	}
	if err := q.write(int(status.Code), status); err != nil {
		http.Error(q.w, status.Message, int(status.Code))
	}
}

func retryAfter(status *metav1.Status) int32 {
	if status.Details == nil {
		return 0
	}
	return status.Details.RetryAfterSeconds
}

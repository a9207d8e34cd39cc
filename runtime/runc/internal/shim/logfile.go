package shim

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// maxPiece is how much of a long line goes into one record, in bytes. The kubelet
// and containerd use the same.
const maxPiece = 16 << 10

// timeFormat is RFC 3339 with all nine digits, so that records sort as text.
const timeFormat = "2006-01-02T15:04:05.000000000Z07:00"

// A logFile is a container's log in the form that the kubelet reads:
//
//	2026-01-02T03:04:05.000000006Z stdout F a whole line
//	2026-01-02T03:04:05.000000007Z stderr P a piece of a line; more follow
//
// Writing to it never fails: a full disk must not stop the container.
type logFile struct {
	mu   sync.Mutex // guards the field below
	file *os.File   // nil when output is not kept
	path string
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.reopen()
}

// reopen opens the file anew, after somebody moved it away.
func (l *logFile) reopen() error {
	if l.path == "" {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	l.mu.Lock()
	old := l.file
	l.file = f
	l.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}

func (l *logFile) write(records []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil && len(records) > 0 {
		_, _ = l.file.Write(records)
	}
}

// A lineWriter cuts one stream into records.
type lineWriter struct {
	log    *logFile
	stream string
	line   []byte // begun, not yet written
	out    []byte
	now    func() time.Time
}

func newLineWriter(log *logFile, stream string) *lineWriter {
	return &lineWriter{log: log, stream: stream, now: time.Now}
}

// Write takes some output. Whole lines and full pieces go to the file, together.
func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	w.out = w.out[:0]
	for len(p) > 0 {
		room := maxPiece - len(w.line)
		end := bytes.IndexByte(p[:min(len(p), room+1)], '\n')
		switch {
		case end >= 0:
			w.line = append(w.line, p[:end]...)
			w.record('F')
			p = p[end+1:]
		case len(p) > room:
			w.line = append(w.line, p[:room]...)
			w.record('P')
			p = p[room:]
		default:
			w.line = append(w.line, p...)
			p = nil
		}
	}
	w.log.write(w.out)
	return n, nil
}

// Close writes what is left without an end of line, as a piece: whoever puts the
// pieces together gets the very bytes that the container wrote.
func (w *lineWriter) Close() error {
	w.out = w.out[:0]
	if len(w.line) > 0 {
		w.record('P')
	}
	w.log.write(w.out)
	return nil
}

func (w *lineWriter) record(tag byte) {
	w.out = w.now().UTC().AppendFormat(w.out, timeFormat)
	w.out = append(w.out, ' ')
	w.out = append(w.out, w.stream...)
	w.out = append(w.out, ' ', tag, ' ')
	w.out = append(append(w.out, w.line...), '\n')
	w.line = w.line[:0]
}

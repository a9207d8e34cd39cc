package goroutine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxLogLine is the longest content of one log record, in bytes; a longer line
// becomes several records. containerd has the same default.
const maxLogLine = 16 << 10

// A containerLog writes what a container prints in the format that CRI
// prescribes and kubelets read, one record a line:
//
//	2026-01-02T15:04:05.000000001Z stdout F a whole line
//	2026-01-02T15:04:05.000000002Z stderr P the beginning of a long one
//
// F marks a line that is complete, P a part with more to come. The last words
// of a container are a P record if no newline follows them.
type containerLog struct {
	path string // empty: nothing is kept

	mu      sync.Mutex // guards the fields below
	file    *os.File
	partial map[string][]byte // by stream: what follows its last newline
	closed  bool
}

func openLog(path string) (*containerLog, error) {
	l := &containerLog{path: path, partial: map[string][]byte{}}
	if path == "" {
		return l, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make log folder: %w", err)
	}
	return l, l.reopen()
}

// reopen goes on in a new file at the same path, after the old one was renamed.
func (l *containerLog) reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.path == "" {
		return nil
	}
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open container log: %w", err)
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file = file
	return nil
}

// write logs data that the container wrote to a stream, "stdout" or "stderr".
func (l *containerLog) write(stream string, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fs.ErrClosed
	}
	rest := append(l.partial[stream], data...)
	for {
		end := bytes.IndexByte(rest, '\n')
		var err error
		switch {
		case end >= 0 && end <= maxLogLine:
			err = l.recordLocked(stream, "F", rest[:end])
			rest = rest[end+1:]
		case len(rest) > maxLogLine:
			err = l.recordLocked(stream, "P", rest[:maxLogLine])
			rest = rest[maxLogLine:]
		default:
			l.partial[stream] = bytes.Clone(rest)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (l *containerLog) recordLocked(stream, tag string, content []byte) error {
	if l.file == nil {
		return nil
	}
	record := time.Now().UTC().AppendFormat(nil, "2006-01-02T15:04:05.000000000Z07:00")
	record = fmt.Appendf(record, " %s %s ", stream, tag)
	record = append(append(record, content...), '\n')
	if _, err := l.file.Write(record); err != nil {
		return fmt.Errorf("write container log: %w", err)
	}
	return nil
}

// close writes what is left without a newline and ends the log.
func (l *containerLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var errs []error
	for _, stream := range []string{"stdout", "stderr"} {
		if rest := l.partial[stream]; len(rest) > 0 {
			errs = append(errs, l.recordLocked(stream, "P", rest))
		}
	}
	if l.file != nil {
		errs = append(errs, l.file.Close())
	}
	return errors.Join(errs...)
}

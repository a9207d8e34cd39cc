package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// Why a [Log] does not keep an event.
var (
	ErrBusy    = errors.New("the audit log takes no more")
	ErrStopped = errors.New("the audit log is not running any more")
)

// patience is how long a request waits for its line to be written.
const patience = 5 * time.Second

// maxWaiting is how many lines wait to be written, and maxBatch about how many bytes
// are written at once.
const (
	maxWaiting = 1000
	maxBatch   = 256 << 10
)

// A Log writes events as lines of JSON. It implements [Sink].
type Log struct {
	out     io.Writer
	lines   chan line
	stopped chan struct{} // closed when Run is over
}

// A line is an event on its way into the log.
type line struct {
	data    []byte
	written chan<- error // has room
}

// NewLog returns a log that writes to out, once it runs.
func NewLog(out io.Writer) *Log {
	return &Log{out: out, lines: make(chan line, maxWaiting), stopped: make(chan struct{})}
}

// Record implements Sink. It returns when the event has been written.
func (l *Log) Record(event *auditv1.Event) error {
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode an audit event: %w", err)
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	written := make(chan error, 1)
	select {
	case l.lines <- line{append(data, '\n'), written}:
	case <-l.stopped:
		return ErrStopped
	case <-timeout.C:
		return ErrBusy
	}
	select {
	case err := <-written:
		return err
	case <-l.stopped:
		select { // both may be true
		case err := <-written:
			return err
		default:
			return ErrStopped
		}
	case <-timeout.C:
		return ErrBusy
	}
}

// Run writes what is recorded until ctx ends, and then what is left. End the server
// first. Run may be called once.
func (l *Log) Run(ctx context.Context) error {
	defer close(l.stopped)
	for {
		select {
		case first := <-l.lines:
			l.write(first)
		case <-ctx.Done():
			for {
				select {
				case first := <-l.lines:
					l.write(first)
				default:
					return nil
				}
			}
		}
	}
}

// write writes a line and all others that wait, at once.
func (l *Log) write(first line) {
	batch := []line{first}
	text := first.data
	for more := true; more && len(text) < maxBatch; {
		select {
		case next := <-l.lines:
			batch = append(batch, next)
			text = append(text, next.data...)
		default:
			more = false
		}
	}
	_, err := l.out.Write(text)
	if err != nil {
		err = fmt.Errorf("write the audit log: %w", err)
	}
	for _, one := range batch {
		one.written <- err
	}
}

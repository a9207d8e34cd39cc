package goroutine

import (
	"io"
	"os"
	"sync"
	"time"
)

// pipeSize is how many bytes a pipe holds before a writer waits, as much as a
// Linux pipe.
const pipeSize = 64 << 10

// A pipe carries bytes one way: half of a connection, a container's standard
// input, an attached client's output. It holds up to pipeSize bytes, so that a
// writer need not wait for a reader as with io.Pipe. Whoever waits on it waits
// on a condition variable, which a testing/synctest bubble counts as blocked.
//
//	Write ──► [ buf ........ ] ──► Read
//	closeWrite: Read drains buf, then io.EOF
//	closeRead:  Write fails with io.ErrClosedPipe
//	abort(err): both fail with err at once, buf is lost
type pipe struct {
	mu      sync.Mutex
	changed *sync.Cond // any field below changed, or a deadline passed

	buf         []byte
	eof         bool // no more will be written
	deaf        bool // nobody will read
	err         error
	readBefore  time.Time // zero: no deadline
	writeBefore time.Time
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// Read implements io.Reader.
func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.err != nil:
			return 0, p.err
		case p.deaf:
			return 0, io.ErrClosedPipe
		case passed(p.readBefore):
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case len(p.buf) > 0:
			n := copy(b, p.buf)
			p.buf = p.buf[n:]
			p.changed.Broadcast()
			return n, nil
		case p.eof:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

// Write implements io.Writer: it returns when all of b is in the buffer.
func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for {
		switch {
		case p.err != nil:
			return written, p.err
		case p.eof || p.deaf:
			return written, io.ErrClosedPipe
		case passed(p.writeBefore):
			return written, os.ErrDeadlineExceeded
		case len(b) == 0:
			return written, nil
		}
		if n := min(pipeSize-len(p.buf), len(b)); n > 0 {
			p.buf = append(p.buf, b[:n]...)
			b, written = b[n:], written+n
			p.changed.Broadcast()
			continue
		}
		p.changed.Wait()
	}
}

func passed(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}

// closeWrite ends the stream: the reader gets what is buffered, then io.EOF.
func (p *pipe) closeWrite() { p.change(func() { p.eof = true }) }

// closeRead tells the writer that nobody reads any more.
func (p *pipe) closeRead() { p.change(func() { p.deaf, p.buf = true, nil }) }

// abort breaks the pipe for both sides. The first error stays.
func (p *pipe) abort(err error) {
	p.change(func() {
		if p.err == nil {
			p.err, p.buf = err, nil
		}
	})
}

// setReadDeadline makes Read fail from time t on; a zero t means never.
func (p *pipe) setReadDeadline(t time.Time) {
	p.change(func() { p.readBefore = t })
	p.wakeAt(t)
}

// setWriteDeadline makes Write fail from time t on; a zero t means never.
func (p *pipe) setWriteDeadline(t time.Time) {
	p.change(func() { p.writeBefore = t })
	p.wakeAt(t)
}

// wakeAt lets those who wait look at their deadline again at time t. A deadline
// that was moved since then wakes them for nothing, which does no harm.
func (p *pipe) wakeAt(t time.Time) {
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		time.AfterFunc(wait, func() { p.change(func() {}) })
	}
}

func (p *pipe) change(f func()) {
	p.mu.Lock()
	f()
	p.mu.Unlock()
	p.changed.Broadcast()
}

package client

import (
	"context"
	"io"
	"sync"
)

// pipeSize is how many bytes a handler can be ahead of who reads its answer.
const pipeSize = 64 << 10

// A pipe carries an answer's body from the handler to the client. Unlike io.Pipe
// it has a buffer, as a socket does, so that a writer does not wait for each read.
//
// One reader and one writer share the fields under mu, which is never held
// while waiting: who must wait takes the changed channel, which the other side
// closes and replaces with every change.
type pipe struct {
	mu       sync.Mutex // guards the fields below
	buffered []byte
	writeErr error // set: nothing more comes; io.EOF after the last byte
	readDone bool
	changed  chan struct{}
}

func newPipe() *pipe { return &pipe{changed: make(chan struct{})} }

// change runs f with the lock and wakes the other side.
func (p *pipe) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.wakeLocked()
}

func (p *pipe) wakeLocked() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// closeWrite says that nothing more will be written. The reader gets err after
// what is buffered. Only the first call counts.
func (p *pipe) closeWrite(err error) {
	p.change(func() {
		if p.writeErr == nil {
			p.writeErr = err
		}
	})
}

// closeRead says that nothing more will be read.
func (p *pipe) closeRead() {
	p.change(func() { p.readDone, p.buffered = true, nil })
}

// write waits while the buffer is full, until the context ends.
func (p *pipe) write(ctx context.Context, data []byte) (int, error) {
	written := 0
	for {
		n, changed, err := p.tryWrite(data[written:])
		written += n
		if err != nil || written == len(data) {
			return written, err
		}
		select {
		case <-changed: // the reader has read or closed
		case <-ctx.Done():
			return written, context.Cause(ctx)
		}
	}
}

func (p *pipe) tryWrite(data []byte) (int, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readDone {
		return 0, nil, io.ErrClosedPipe
	}
	n := min(len(data), pipeSize-len(p.buffered))
	if n > 0 {
		p.buffered = append(p.buffered, data[:n]...)
		p.wakeLocked()
	}
	return n, p.changed, nil
}

// read waits for data, the end of it, or the context's end.
func (p *pipe) read(ctx context.Context, into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	for {
		n, changed, err := p.tryRead(into)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (p *pipe) tryRead(into []byte) (int, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.readDone:
		return 0, nil, io.ErrClosedPipe
	case len(p.buffered) == 0:
		return 0, p.changed, p.writeErr
	}
	n := copy(into, p.buffered)
	p.buffered = append(p.buffered[:0], p.buffered[n:]...)
	p.wakeLocked()
	return n, nil, nil
}

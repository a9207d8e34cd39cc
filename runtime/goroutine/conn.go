package goroutine

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is one end of an in-memory TCP connection: two pipes, one each way. It
// implements net.Conn, and CloseWrite as *net.TCPConn does.
type conn struct {
	in, out       *pipe
	local, remote netip.AddrPort
	once          sync.Once
	onClose       func()
}

var _ net.Conn = (*conn)(nil)

// newConnPair returns the two ends of a connection.
func newConnPair(client, server netip.AddrPort) (*conn, *conn) {
	up, down := newPipe(), newPipe()
	return &conn{in: down, out: up, local: client, remote: server},
		&conn{in: up, out: down, local: server, remote: client}
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	return n, c.explain("read", err)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.out.Write(b)
	return n, c.explain("write", err)
}

// explain puts an error of a pipe into the form that package net gives it, so
// that errors.Is(err, syscall.ECONNRESET), net.Error's Timeout and so on hold.
func (c *conn) explain(op string, err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, io.ErrClosedPipe) && c.closed():
		err = net.ErrClosed
	case errors.Is(err, io.ErrClosedPipe):
		err = os.NewSyscallError(op, syscall.EPIPE)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// closed tells whether this end was closed, rather than the other.
func (c *conn) closed() bool {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.in.deaf
}

// Close ends both directions: the other end reads what was sent, then io.EOF.
func (c *conn) Close() error {
	c.in.closeRead()
	c.out.closeWrite()
	c.forget()
	return nil
}

// CloseWrite ends the sending direction and leaves the receiving one open.
func (c *conn) CloseWrite() error {
	c.out.closeWrite()
	return nil
}

// reset breaks the connection, as when the other machine lost power and came
// back: both ends get ECONNRESET and what was under way is lost.
func (c *conn) reset() {
	err := os.NewSyscallError("read", syscall.ECONNRESET)
	c.in.abort(err)
	c.out.abort(err)
	c.forget()
}

func (c *conn) forget() {
	c.once.Do(func() {
		if c.onClose != nil {
			c.onClose()
		}
	})
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) SetDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	c.out.setWriteDeadline(t)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.setWriteDeadline(t)
	return nil
}

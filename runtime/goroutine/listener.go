package goroutine

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// backlog is how many connections wait for Accept before a dialer waits.
const backlog = 128

// listener is a port that a host listens on. It implements net.Listener.
type listener struct {
	addr    netip.AddrPort
	keys    []portKey
	host    *Host
	accept  chan *conn
	closing chan struct{}
	once    sync.Once
}

var _ net.Listener = (*listener)(nil)

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closing:
		return nil, l.closedError("accept")
	default:
	}
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closing:
		return nil, l.closedError("accept")
	}
}

func (l *listener) closedError(op string) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
}

// Close frees the port. Connections that were accepted go on, those that were
// not are reset.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.host.network.unlisten(l)
		close(l.closing)
		l.drain()
	})
	return nil
}

func (l *listener) drain() {
	for {
		select {
		case c := <-l.accept:
			c.reset()
		default:
			return
		}
	}
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// connect hands the server's end of a new connection to Accept and returns the
// client's end.
func (l *listener) connect(ctx context.Context, from *Host, client, server netip.AddrPort) (*conn, error) {
	near, far := newConnPair(client, server)
	if !from.keep(near) {
		return nil, net.ErrClosed
	}
	if !l.host.keep(far) {
		near.reset()
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	select {
	case l.accept <- far:
	case <-l.closing:
		far.reset()
		near.forget()
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	case <-ctx.Done():
		far.reset()
		near.forget()
		return nil, ctx.Err()
	}
	select {
	case <-l.closing: // closed after its last drain: nobody will accept this one
		l.drain()
	default:
	}
	return near, nil
}

package userspace

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// dialTimeout is how long a pod may take to accept.
const dialTimeout = 10 * time.Second

// forward joins a client's connection to a pod, until both have said all, or ctx
// ends. It closes conn.
func (p *Proxy) forward(ctx context.Context, key portKey, conn net.Conn) {
	defer conn.Close()
	pod, err := p.connect(ctx, key, conn.RemoteAddr())
	if err != nil {
		p.cfg.Logger.Debug("forward a connection", "port", key.id, "error", err)
		reset(conn)
		return
	}
	defer pod.Close()
	stop := context.AfterFunc(ctx, func() {
		conn.Close()
		pod.Close()
	})
	defer stop()
	var copies sync.WaitGroup
	copies.Go(func() { pipe(pod, conn) })
	copies.Go(func() { pipe(conn, pod) })
	copies.Wait()
}

// connect dials the pod that is to answer a client.
func (p *Proxy) connect(ctx context.Context, key portKey, client net.Addr) (net.Conn, error) {
	var from netip.Addr
	if tcp, ok := client.(*net.TCPAddr); ok {
		from = tcp.AddrPort().Addr().Unmap()
	}
	endpoint, ok, err := p.cfg.Balancer.Pick(corev1.ProtocolTCP, key.target, from)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, net.ErrClosed // The Service went away a moment ago.
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return p.cfg.Dial(ctx, "tcp", endpoint.String())
}

// pipe copies what src says to dst, and then tells dst that this was all. What
// dst has to say goes on: half of a connection may be closed.
func pipe(dst, src net.Conn) {
	_, err := io.Copy(dst, src)
	if half, ok := dst.(interface{ CloseWrite() error }); ok && err == nil {
		half.CloseWrite()
		return
	}
	dst.Close()
	src.Close()
}

// reset makes the close of a connection say that it was refused, as far as that
// is possible once it was accepted, rather than that all was said.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

package userspace

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// retry is how long after a failure a port is tried again.
const retry = time.Second

// A port is one listener, or the attempt at one.
type port struct {
	key    portKey
	cancel context.CancelFunc
	addr   netip.AddrPort // guarded by Proxy.mu; invalid while not open
}

// openLocked starts to listen for a key.
func (p *Proxy) openLocked(key portKey) {
	ctx, cancel := context.WithCancel(p.ctx)
	opened := &port{key: key, cancel: cancel}
	p.ports[key] = opened
	p.wait.Go(func() {
		defer cancel()
		p.serve(ctx, opened)
	})
}

// serve accepts connections until ctx ends.
func (p *Proxy) serve(ctx context.Context, port *port) {
	said := ""
	for ctx.Err() == nil {
		err := p.accept(ctx, port)
		if ctx.Err() != nil {
			return
		}
		if err.Error() != said {
			said = err.Error()
			p.cfg.Logger.Error("open the port of a service", "port", port.key.id, "error", err)
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

// accept listens, and accepts connections until ctx ends or that fails.
func (p *Proxy) accept(ctx context.Context, port *port) error {
	address := net.JoinHostPort(p.cfg.Address.String(), strconv.Itoa(int(port.key.number)))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	defer listener.Close()
	p.setAddress(port, listener.Addr())
	defer p.setAddress(port, nil)
	p.cfg.Logger.Info("serve the port of a service", "port", port.key.id, "at", listener.Addr().String())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		// The connection outlives its port: it ends with the proxy.
		p.wait.Go(func() { p.forward(p.ctx, port.key, conn) })
	}
}

func (p *Proxy) setAddress(port *port, addr net.Addr) {
	var parsed netip.AddrPort
	if tcp, ok := addr.(*net.TCPAddr); ok {
		parsed = tcp.AddrPort()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	port.addr = parsed
}

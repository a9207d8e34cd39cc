package goroutine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// A Host is somebody on a [Network]: a container, a node, a server that a test
// puts there. It owns the listeners and connections it makes; they end with it.
//
// A Host is safe for concurrent use.
type Host struct {
	network *Network
	ip      netip.Addr // invalid: outside, dials only
	pod     string     // "namespace/name", for the resolver
	dns     nameConfig

	mu        sync.Mutex // guards the fields below
	closed    bool
	listeners map[*listener]bool
	conns     map[*conn]bool
}

// IP returns the host's address. It is invalid for the outside of [Network.Dial].
func (h *Host) IP() netip.Addr { return h.ip }

// Listen listens on a port. network is "tcp", "tcp4" or "tcp6"; addr is
// ":8080", "0.0.0.0:8080" or the host's own address, which others reach, or
// "127.0.0.1:8080", which only those at the same address do. Port 0 takes a
// free one. A port in use fails with EADDRINUSE.
func (h *Host) Listen(network, addr string) (net.Listener, error) {
	l, err := h.listen(network, addr)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: textAddr(addr), Err: err}
	}
	return l, nil
}

func (h *Host) listen(network, addr string) (net.Listener, error) {
	if err := checkNetwork(network); err != nil {
		return nil, err
	}
	if !h.ip.IsValid() {
		return nil, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)
	}
	name, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		port = h.network.ephemeralPort()
	}
	ip, keys, err := h.bind(name, port)
	if err != nil {
		return nil, err
	}
	l := &listener{
		addr: netip.AddrPortFrom(ip, port), keys: keys, host: h,
		accept: make(chan *conn, backlog), closing: make(chan struct{}),
	}
	if err := h.network.listen(l); err != nil {
		return nil, err
	}
	h.mu.Lock()
	closed := h.closed
	h.listeners[l] = true
	h.mu.Unlock()
	if closed {
		l.Close()
		return nil, net.ErrClosed
	}
	return l, nil
}

// bind says which ports a listener on name takes.
func (h *Host) bind(name string, port uint16) (netip.Addr, []portKey, error) {
	public := portKey{addr: h.ip, port: port}
	private := portKey{addr: h.ip, loopback: true, port: port}
	if name == "" {
		return h.ip, []portKey{public, private}, nil
	}
	ip, err := netip.ParseAddr(name)
	switch {
	case name == "localhost" || err == nil && ip.IsLoopback():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), []portKey{private}, nil
	case err != nil:
		return ip, nil, fmt.Errorf("parse listen address: %w", err)
	case ip.IsUnspecified():
		return h.ip, []portKey{public, private}, nil
	case ip.Unmap() == h.ip:
		return h.ip, []portKey{public}, nil
	}
	return ip, nil, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)
}

// Dial connects to addr, a name or IP address with a port. Names go through
// [Resolver], addresses through [Translator]. It has the signature of
// net.Dialer.DialContext, and fails as that does: with a *net.OpError around
// ECONNREFUSED, EHOSTUNREACH, a *net.DNSError or the error of ctx.
func (h *Host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := h.dial(ctx, network, addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: textAddr(addr), Err: err}
	}
	return c, nil
}

func (h *Host) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := checkNetwork(network); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	ips, err := h.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		var c *conn
		if c, err = h.dialIP(ctx, ip, port); err == nil {
			return c, nil
		}
	}
	return nil, err
}

func (h *Host) dialIP(ctx context.Context, ip netip.Addr, port uint16) (*conn, error) {
	local := netip.AddrPortFrom(h.ip, h.network.ephemeralPort())
	if !h.ip.IsValid() {
		local = netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port())
	}
	key := portKey{addr: h.ip, loopback: true, port: port}
	target := netip.AddrPortFrom(ip, port)
	if !ip.IsLoopback() {
		var err error
		if target, err = h.translated(ctx, target); err != nil {
			return nil, err
		}
		key = portKey{addr: target.Addr(), port: target.Port()}
	}
	l, err := h.network.find(key)
	if err != nil {
		return nil, err
	}
	c, err := l.connect(ctx, h, local, target)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// translated asks the Service proxy where target is.
func (h *Host) translated(ctx context.Context, target netip.AddrPort) (netip.AddrPort, error) {
	translate, _ := h.network.hooks()
	if translate == nil {
		return target, nil
	}
	addr, err := translate(context.WithValue(ctx, sourceKey{}, h.ip), "tcp", target.String())
	if err != nil {
		return target, err
	}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return target, fmt.Errorf("parse translated address of %s: %w", target, err)
	}
	return to, nil
}

type sourceKey struct{}

// Source returns the address of the host that dials, for a [Translator] that
// keeps a client on one endpoint. It is false when the dialer has no address.
func Source(ctx context.Context) (netip.Addr, bool) {
	ip, _ := ctx.Value(sourceKey{}).(netip.Addr)
	return ip, ip.IsValid()
}

// keep makes c end with the host; false when the host ended before.
func (h *Host) keep(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.conns[c] = true
	c.onClose = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.conns, c)
	}
	return true
}

// Close frees the host's ports and closes its connections: the other ends read
// io.EOF, as when a process exits. It is safe to call twice.
func (h *Host) Close() { h.end((*conn).close) }

// Reset does the same, but the other ends get ECONNRESET: the host died.
func (h *Host) Reset() { h.end((*conn).reset) }

func (c *conn) close() { _ = c.Close() }

func (h *Host) end(endConn func(*conn)) {
	h.mu.Lock()
	closed := h.closed
	h.closed = true
	listeners, conns := h.listeners, h.conns
	h.listeners, h.conns = map[*listener]bool{}, map[*conn]bool{}
	h.mu.Unlock()
	if closed {
		return
	}
	for l := range listeners {
		_ = l.Close()
	}
	for c := range conns {
		endConn(c)
	}
	if h.ip.IsValid() {
		h.network.detach(h.ip)
	}
}

func checkNetwork(network string) error {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return nil
	}
	return net.UnknownNetworkError(network + " (the in-memory network carries tcp only)")
}

func splitAddr(addr string) (string, uint16, error) {
	name, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("parse port: %w", err)
	}
	return name, uint16(port), nil
}

// textAddr is an address as the caller wrote it, for errors.
type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

// dialLoopback connects to a port as a process of the same pod does that dials
// 127.0.0.1.
func (h *Host) dialLoopback(ctx context.Context, port int32) (*conn, error) {
	if port < 1 || port > 65535 {
		return nil, fmt.Errorf("port %d is out of range", port)
	}
	c, err := h.dialIP(ctx, netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
	if err != nil {
		return nil, err
	}
	return c, nil
}

package userspace

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/network/proxy"
)

// Config says where a [Proxy] listens and how it reaches pods. The zero value
// opens node ports on the loopback address.
type Config struct {
	// Address is where ports are opened, by default 127.0.0.1.
	Address netip.Addr
	// Services opens a port for each Service port that has no node port too, a
	// free one that the system chooses. See [Proxy.Addresses].
	Services bool
	// Balancer chooses the pods. Nil means one of its own; one that is given can
	// be asked by others too, it is kept in step.
	Balancer *proxy.Balancer
	// Dial connects to pods, by default over the machine's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger hears of ports that cannot be served and, at level info, of those
	// that are; nil means nobody.
	Logger *slog.Logger
}

// A Proxy is a [proxy.Backend] of listeners. Close ends it.
type Proxy struct {
	cfg    Config
	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wait   sync.WaitGroup // for the goroutines of all ports

	mu      sync.Mutex // guards the fields below
	ports   map[portKey]*port
	refused map[string]bool // IDs of ports that were refused, which is said once
}

// A portKey is a listener that a table wants: at a number, or, if that is zero,
// at any.
type portKey struct {
	id     string
	number uint16
	target netip.AddrPort // what the balancer knows it by
}

var _ proxy.Backend = (*Proxy)(nil)

// New returns a proxy that listens nowhere until it has a table.
func New(cfg Config) *Proxy {
	if !cfg.Address.IsValid() {
		cfg.Address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if cfg.Balancer == nil {
		cfg.Balancer = proxy.NewBalancer()
	}
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Proxy{cfg: cfg, ctx: ctx, cancel: cancel, ports: map[portKey]*port{}, refused: map[string]bool{}}
}

// Sync implements proxy.Backend. Connections that are open stay with their pod,
// also when their Service goes away. It opens ports in the background: one that
// is in use is logged and tried again until it is free.
func (p *Proxy) Sync(ctx context.Context, table proxy.Table) error {
	if err := p.cfg.Balancer.Sync(ctx, table); err != nil {
		return err
	}
	wanted := p.wanted(table)
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, port := range p.ports {
		if !wanted[key] {
			port.cancel()
			delete(p.ports, key)
		}
	}
	if p.ctx.Err() != nil {
		return nil
	}
	for key := range wanted {
		if p.ports[key] == nil {
			p.openLocked(key)
		}
	}
	return nil
}

// wanted are the listeners that a table asks for.
func (p *Proxy) wanted(table proxy.Table) map[portKey]bool {
	wanted, refused := map[portKey]bool{}, map[string]bool{}
	for i := range table.Ports {
		entry := &table.Ports[i]
		id := entry.ID()
		switch {
		case entry.NodePort == 0 && (!p.cfg.Services || len(entry.IPs) == 0):
		case entry.Protocol != corev1.ProtocolTCP:
			refused[id] = true
		case entry.NodePort != 0:
			wanted[portKey{id, entry.NodePort, netip.AddrPortFrom(netip.Addr{}, entry.NodePort)}] = true
		default:
			wanted[portKey{id, 0, netip.AddrPortFrom(entry.IPs[0], entry.Number)}] = true
		}
	}
	p.refuse(refused)
	return wanted
}

// refuse says which ports are not served, those that are new to it.
func (p *Proxy) refuse(ids map[string]bool) {
	p.mu.Lock()
	before := p.refused
	p.refused = ids
	p.mu.Unlock()
	for id := range maps.Keys(ids) {
		if !before[id] {
			p.cfg.Logger.Warn("the userspace proxy serves TCP only, this port is not served", "port", id)
		}
	}
}

// Addresses returns where the ports of Services are open now, by the port's
// [proxy.Port.ID] such as "default/web:http/tcp".
func (p *Proxy) Addresses() map[string]netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]netip.AddrPort{}
	for key, port := range p.ports {
		if port.addr.IsValid() {
			out[key.id] = port.addr
		}
	}
	return out
}

// Close ends all listeners and connections, and returns when they have ended.
func (p *Proxy) Close() error {
	p.cancel()
	p.wait.Wait()
	return nil
}

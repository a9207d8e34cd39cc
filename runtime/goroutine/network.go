package goroutine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// A Network is the in-memory network of one cluster: all its nodes share it.
// Hosts are attached to it at an IP address, listen on ports and dial each
// other, over TCP only. It has no latency and loses nothing.
//
// A Network is safe for concurrent use. It starts no goroutine.
type Network struct {
	mu        sync.Mutex // guards the fields below
	listeners map[portKey]*listener
	forwards  map[netip.AddrPort]netip.AddrPort
	hosts     map[netip.Addr]int // how many hosts are attached at an address
	translate Translator
	resolve   Resolver
	lastPort  uint16
}

// portKey names a port: on the address itself, or on the loopback address of
// the network namespace that has this address.
type portKey struct {
	addr     netip.Addr
	loopback bool
	port     uint16
}

// A Translator changes the address that somebody dials, as a Service proxy
// does: a ClusterIP and port become those of one endpoint. It returns addr
// itself when there is nothing to translate; its error fails the dial. [Source]
// tells who dials. network is "tcp", addr an IP address and a port.
type Translator func(ctx context.Context, network, addr string) (string, error)

// A Resolver is the DNS server of the network: it returns the IP addresses of
// host, or an error if there is none. pod is the "namespace/name" of the pod
// that asks, empty when none does. Search domains were applied already: host is
// asked for as a pod's resolv.conf says, one candidate after the other.
type Resolver func(ctx context.Context, pod, host string) ([]string, error)

// NewNetwork returns a network without hosts.
func NewNetwork() *Network {
	return &Network{
		listeners: map[portKey]*listener{},
		forwards:  map[netip.AddrPort]netip.AddrPort{},
		hosts:     map[netip.Addr]int{},
		lastPort:  firstEphemeral,
	}
}

// SetTranslator sets the Service proxy. Connections that exist are not moved,
// as with a real one.
func (n *Network) SetTranslator(t Translator) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.translate = t
}

// SetResolver sets the DNS server.
func (n *Network) SetResolver(r Resolver) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resolve = r
}

// Dial connects to addr ("10.0.1.4:8080", "web.default.svc.cluster.local:80")
// from outside any pod, as a kubelet's probe or a test does. Without a listener
// there it fails with ECONNREFUSED, without a host with EHOSTUNREACH.
func (n *Network) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	outside := n.Attach(netip.Addr{})
	conn, err := outside.Dial(ctx, network, addr)
	if err != nil {
		outside.Close()
	}
	return conn, err
}

// Attach adds a host at an IP address. Several hosts may share one address, as
// the containers of a pod or the pods on the host's network do: they share its
// ports and its loopback address, but each is closed by itself. The caller
// closes the host.
func (n *Network) Attach(ip netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if ip.IsValid() {
		n.hosts[ip]++
	}
	return &Host{network: n, ip: ip, listeners: map[*listener]bool{}, conns: map[*conn]bool{}}
}

func (n *Network) detach(ip netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[ip]--; n.hosts[ip] <= 0 {
		delete(n.hosts, ip)
	}
}

// forward makes connections to one address go to another, as a pod's host port
// does.
func (n *Network) forward(from, to netip.AddrPort) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, forwarded := n.forwards[from]
	_, listening := n.listeners[portKey{addr: from.Addr(), port: from.Port()}]
	if forwarded || listening {
		return fmt.Errorf("forward host port %s: %w", from, syscall.EADDRINUSE)
	}
	n.forwards[from] = to
	return nil
}

func (n *Network) unforward(from netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.forwards, from)
}

// find returns the listener that answers at key.
func (n *Network) find(key portKey) (*listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if to, ok := n.forwards[netip.AddrPortFrom(key.addr, key.port)]; ok {
		key = portKey{addr: to.Addr(), port: to.Port()}
	}
	if l := n.listeners[key]; l != nil {
		return l, nil
	}
	if n.hosts[key.addr] == 0 {
		return nil, os.NewSyscallError("connect", syscall.EHOSTUNREACH)
	}
	return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
}

// listen gives the keys to l, all or none.
func (n *Network) listen(l *listener) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range l.keys {
		_, forwarded := n.forwards[netip.AddrPortFrom(k.addr, k.port)]
		if n.listeners[k] != nil || forwarded && !k.loopback {
			return os.NewSyscallError("bind", syscall.EADDRINUSE)
		}
	}
	for _, k := range l.keys {
		n.listeners[k] = l
	}
	return nil
}

func (n *Network) unlisten(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range l.keys {
		if n.listeners[k] == l {
			delete(n.listeners, k)
		}
	}
}

// firstEphemeral and lastEphemeral are Linux's default range of the ports that
// a dialer gets.
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

// ephemeralPort returns a port for a dialer, or for a listener on port 0.
func (n *Network) ephemeralPort() uint16 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lastPort++; n.lastPort > lastEphemeral {
		n.lastPort = firstEphemeral
	}
	return n.lastPort
}

func (n *Network) hooks() (Translator, Resolver) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.translate, n.resolve
}

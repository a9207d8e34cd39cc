package goroutine

import (
	"fmt"
	"net/netip"
	"sync"
)

// addressPool hands out the pod addresses of one node. It goes round: a freed
// address is not used again while others are free, so that a client with an
// old address does not reach a new pod.
//
//	10.0.1.0/24:  .0 the network   .1 the gateway   .2 ... .254 pods   .255 broadcast
type addressPool struct {
	mu     sync.Mutex // guards the fields below
	prefix netip.Prefix
	last   netip.Addr
	used   map[netip.Addr]bool
}

// setPrefix changes the range. Addresses that are in use stay.
func (p *addressPool) setPrefix(prefix netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if prefix = prefix.Masked(); prefix != p.prefix {
		p.prefix, p.last = prefix, netip.Addr{}
	}
	if p.used == nil {
		p.used = map[netip.Addr]bool{}
	}
}

func (p *addressPool) ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.prefix.IsValid()
}

// take returns a free address.
func (p *addressPool) take() (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.prefix.IsValid() {
		return netip.Addr{}, fmt.Errorf("take pod address: the node has no pod CIDR yet")
	}
	first := p.prefix.Addr().Next().Next()
	ip := first
	if p.last.IsValid() {
		ip = p.last.Next()
	}
	for wrapped := false; ; ip = ip.Next() {
		if !p.prefix.Contains(ip) || ip.Is4() && !p.prefix.Contains(ip.Next()) {
			if wrapped {
				return netip.Addr{}, fmt.Errorf("take pod address: all of %s are in use", p.prefix)
			}
			wrapped, ip = true, first
			if !p.prefix.Contains(ip) {
				continue
			}
		}
		if !p.used[ip] {
			p.used[ip], p.last = true, ip
			return ip, nil
		}
	}
}

func (p *addressPool) release(ip netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, ip)
}

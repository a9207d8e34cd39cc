package proxy

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A Backend makes connections go where a table says.
type Backend interface {
	// Sync replaces the rules by those of the table. It is called by one
	// goroutine at a time and not again before it returned; after an error
	// it is called again with the newest table.
	Sync(ctx context.Context, table Table) error
}

// A Balancer is the backend that replaces addresses one at a time, in process:
// for in-memory networks, and for proxies that accept and dial themselves. It
// takes turns among the endpoints. It is safe for concurrent use.
type Balancer struct {
	mu     sync.Mutex // guards the fields below
	ports  map[target]*Port
	turn   map[string]int             // by port id
	sticky map[stickyKey]stickyChoice // clients with affinity
}

type target struct {
	protocol corev1.Protocol
	addr     netip.AddrPort // with the zero address: a node port
}

type stickyKey struct {
	port   string
	client netip.Addr
}

type stickyChoice struct {
	endpoint netip.AddrPort
	until    time.Time
}

// NewBalancer returns a balancer without rules.
func NewBalancer() *Balancer {
	return &Balancer{turn: map[string]int{}, sticky: map[stickyKey]stickyChoice{}}
}

var _ Backend = (*Balancer)(nil)

// Sync implements Backend.
func (b *Balancer) Sync(_ context.Context, table Table) error {
	ports := map[target]*Port{}
	for i := range table.Ports {
		p := &table.Ports[i]
		for _, ip := range p.IPs {
			ports[target{p.Protocol, netip.AddrPortFrom(ip, p.Number)}] = p
		}
		if p.NodePort != 0 {
			ports[target{p.Protocol, netip.AddrPortFrom(netip.Addr{}, p.NodePort)}] = p
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ports = ports
	now := time.Now()
	for key, choice := range b.sticky {
		if now.After(choice.until) {
			delete(b.sticky, key)
		}
	}
	return nil
}

// NoEndpointsError says that a Service has nobody to answer.
type NoEndpointsError struct{ Port string }

func (e *NoEndpointsError) Error() string {
	return fmt.Sprintf("connection refused: service port %s has no endpoints", e.Port)
}

// Pick returns the endpoint that answers a connection from client to addr, and
// whether addr is a Service's at all. A Service without endpoints gives a
// [*NoEndpointsError]. For a node port, addr has the zero address.
func (b *Balancer) Pick(protocol corev1.Protocol, addr netip.AddrPort, client netip.Addr) (netip.AddrPort, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.ports[target{protocol, addr}]
	if !ok {
		return netip.AddrPort{}, false, nil
	}
	endpoints := p.Endpoints
	if !addr.Addr().IsValid() {
		endpoints = p.External
	}
	if len(endpoints) == 0 {
		return netip.AddrPort{}, true, &NoEndpointsError{Port: p.ID()}
	}
	return b.chooseLocked(p, endpoints, client), true, nil
}

func (b *Balancer) chooseLocked(p *Port, endpoints []netip.AddrPort, client netip.Addr) netip.AddrPort {
	key, now := stickyKey{p.ID(), client}, time.Now()
	if p.Affinity > 0 {
		if choice, ok := b.sticky[key]; ok && now.Before(choice.until) && slices.Contains(endpoints, choice.endpoint) {
			b.sticky[key] = stickyChoice{choice.endpoint, now.Add(p.Affinity)}
			return choice.endpoint
		}
	}
	chosen := endpoints[b.turn[p.ID()]%len(endpoints)]
	b.turn[p.ID()]++
	if p.Affinity > 0 {
		b.sticky[key] = stickyChoice{chosen, now.Add(p.Affinity)}
	}
	return chosen
}

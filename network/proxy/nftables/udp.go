package nftables

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/network/proxy"
)

// udpPorts are the endpoints behind each UDP address of the Services. The
// kernel remembers flows of UDP too, but UDP has no end of connection: a client
// that keeps sending would go to a pod that is gone, or be refused by a Service
// that has pods again, for as long as it sends.
type udpPorts map[netip.AddrPort][]netip.AddrPort

func udpOf(table proxy.Table) udpPorts {
	u := udpPorts{}
	for i := range table.Ports {
		p := &table.Ports[i]
		if p.Protocol != corev1.ProtocolUDP {
			continue
		}
		for _, ip := range p.IPs {
			u[netip.AddrPortFrom(ip, p.Number)] = p.Endpoints
		}
		if p.NodePort != 0 {
			u[netip.AddrPortFrom(netip.IPv4Unspecified(), p.NodePort)] = p.External
		}
	}
	return u
}

// stale are the addresses whose endpoints are not those of before, each with
// the endpoints that flows may still go to.
func (u udpPorts) stale(before udpPorts) udpPorts {
	out := udpPorts{}
	for addr, endpoints := range u {
		if !slices.Equal(endpoints, before[addr]) {
			out[addr] = endpoints
		}
	}
	for addr := range before {
		if _, ok := u[addr]; !ok {
			out[addr] = nil
		}
	}
	return out
}

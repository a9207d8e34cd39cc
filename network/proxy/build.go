package proxy

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Build works out the table of one node. It does not keep or change its
// arguments. Services without an address of their own (headless, ExternalName)
// have no rules.
func Build(services []*corev1.Service, slicesOf []*discoveryv1.EndpointSlice, node string) Table {
	bySvc := map[string][]*discoveryv1.EndpointSlice{}
	for _, s := range slicesOf {
		key := s.Namespace + "/" + s.Labels[discoveryv1.LabelServiceName]
		bySvc[key] = append(bySvc[key], s)
	}
	var t Table
	for _, svc := range services {
		ips := addresses(svc)
		if len(ips) == 0 {
			continue
		}
		key := svc.Namespace + "/" + svc.Name
		for i := range svc.Spec.Ports {
			t.Ports = append(t.Ports, port(svc, &svc.Spec.Ports[i], ips, bySvc[key], node))
		}
	}
	slices.SortFunc(t.Ports, func(a, b Port) int { return cmp.Compare(a.ID(), b.ID()) })
	return t
}

// addresses are those a Service answers at from inside the cluster.
func addresses(svc *corev1.Service) []netip.Addr {
	if svc.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	var ips []netip.Addr
	for _, text := range append([]string{svc.Spec.ClusterIP}, svc.Spec.ExternalIPs...) {
		if ip, err := netip.ParseAddr(text); err == nil {
			ips = append(ips, ip)
		}
	}
	if len(ips) > 0 {
		for _, ingress := range svc.Status.LoadBalancer.Ingress {
			if ip, err := netip.ParseAddr(ingress.IP); err == nil && (ingress.IPMode == nil || *ingress.IPMode == corev1.LoadBalancerIPModeVIP) {
				ips = append(ips, ip)
			}
		}
	}
	return ips
}

func port(svc *corev1.Service, sp *corev1.ServicePort, ips []netip.Addr, ss []*discoveryv1.EndpointSlice, node string) Port {
	p := Port{
		Service:  svc.Namespace + "/" + svc.Name,
		PortName: sp.Name,
		Protocol: sp.Protocol,
		IPs:      ips,
		Number:   uint16(sp.Port),
		NodePort: uint16(sp.NodePort),
		Affinity: affinity(svc),
	}
	all := collect(ss, sp)
	local := all.on(node)
	p.Endpoints, p.External = all.usable(), all.usable()
	if policy := svc.Spec.InternalTrafficPolicy; policy != nil && *policy == corev1.ServiceInternalTrafficPolicyLocal {
		p.Endpoints = local.usable()
	}
	if svc.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		p.External, p.KeepSource = local.usable(), true
		p.DropExternal = len(p.External) == 0 && len(all.usable()) > 0
	}
	return p
}

func affinity(svc *corev1.Service) time.Duration {
	if svc.Spec.SessionAffinity != corev1.ServiceAffinityClientIP {
		return 0
	}
	seconds := int32(10800) // What the API server fills in.
	if c := svc.Spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
		seconds = *c.ClientIP.TimeoutSeconds
	}
	return time.Duration(seconds) * time.Second
}

// endpoints are the pods behind one port.
type endpoints []endpoint

type endpoint struct {
	addr               netip.AddrPort
	node               string
	ready, terminating bool // terminating ones here still serve
}

// collect finds the endpoints of a port in all of its Service's slices. A
// slice's ports are matched by name: a named target port may have different
// numbers in different pods, hence in different slices.
func collect(ss []*discoveryv1.EndpointSlice, sp *corev1.ServicePort) endpoints {
	var found endpoints
	for _, s := range ss {
		if s.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		number, ok := portNumber(s, sp)
		if !ok {
			continue
		}
		for i := range s.Endpoints {
			if e, ok := parse(&s.Endpoints[i], number); ok {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, func(a, b endpoint) int { return a.addr.Compare(b.addr) })
	return slices.CompactFunc(found, func(a, b endpoint) bool { return a.addr == b.addr })
}

func portNumber(s *discoveryv1.EndpointSlice, sp *corev1.ServicePort) (uint16, bool) {
	for _, p := range s.Ports {
		name, protocol := "", corev1.ProtocolTCP
		if p.Name != nil {
			name = *p.Name
		}
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		if name == sp.Name && protocol == sp.Protocol && p.Port != nil {
			return uint16(*p.Port), true
		}
	}
	return 0, false
}

// parse reads one endpoint; conditions that are not given count as Kubernetes
// says they do: ready, serving as ready, not terminating.
func parse(e *discoveryv1.Endpoint, number uint16) (endpoint, bool) {
	if len(e.Addresses) == 0 {
		return endpoint{}, false
	}
	ip, err := netip.ParseAddr(e.Addresses[0])
	if err != nil {
		return endpoint{}, false
	}
	ready := e.Conditions.Ready == nil || *e.Conditions.Ready
	serving := ready
	if e.Conditions.Serving != nil {
		serving = *e.Conditions.Serving
	}
	terminating := e.Conditions.Terminating != nil && *e.Conditions.Terminating
	if !ready && !(serving && terminating) {
		return endpoint{}, false
	}
	out := endpoint{addr: netip.AddrPortFrom(ip, number), ready: ready, terminating: terminating}
	if e.NodeName != nil {
		out.node = *e.NodeName
	}
	return out, true
}

func (es endpoints) on(node string) endpoints {
	return slices.DeleteFunc(slices.Clone(es), func(e endpoint) bool { return e.node != node })
}

// usable are the ready endpoints, or, where there are none, those that are
// terminating but still serve (KEP-1669).
func (es endpoints) usable() []netip.AddrPort {
	var ready, last []netip.AddrPort
	for _, e := range es {
		if e.ready {
			ready = append(ready, e.addr)
		} else {
			last = append(last, e.addr)
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return last
}

package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
)

// version says which version of the specification is kept.
func (z Zone) version(q dns.Question, labels []string) Answer {
	if len(labels) != 1 {
		return noName
	}
	if !asks(q, dns.TypeTXT) {
		return Answer{}
	}
	return Answer{Records: []dns.RR{&dns.TXT{Hdr: header(q.Name, dns.TypeTXT), Txt: []string{"1.1.0"}}}}
}

// service answers names below svc: labels are [ns], [svc ns], [host svc ns] or
// [_port _proto svc ns].
func (z Zone) service(q dns.Question, labels []string) Answer {
	n := len(labels)
	if n == 0 {
		return Answer{}
	}
	if !z.Source.Namespace(labels[n-1]) {
		return noName
	}
	if n == 1 {
		return Answer{}
	}
	svc := z.Source.Service(labels[n-1], labels[n-2])
	if svc == nil {
		return noName
	}
	if svc.Spec.Type == corev1.ServiceTypeExternalName {
		return z.external(q, svc, n == 2)
	}
	switch {
	case n == 2:
		return z.addresses(q, svc, "")
	case n == 3 && strings.HasPrefix(labels[0], "_"):
		return Answer{} // A protocol with nothing asked of it exists, but is empty.
	case n == 3 && headless(svc):
		return z.addresses(q, svc, labels[0])
	case n == 4 && strings.HasPrefix(labels[0], "_") && strings.HasPrefix(labels[1], "_"):
		return z.ports(q, svc, labels[0][1:], labels[1][1:])
	}
	return noName
}

func (z Zone) external(q dns.Question, svc *corev1.Service, whole bool) Answer {
	if !whole {
		return noName
	}
	return Answer{Records: []dns.RR{&dns.CNAME{
		Hdr: header(q.Name, dns.TypeCNAME), Target: dns.Fqdn(svc.Spec.ExternalName),
	}}}
}

// addresses answers for a Service, or for the one endpoint of it called host.
func (z Zone) addresses(q dns.Question, svc *corev1.Service, host string) Answer {
	var ips []netip.Addr
	if headless(svc) {
		for _, e := range z.endpoints(svc) {
			if host == "" || e.host == host {
				ips = append(ips, e.ip)
			}
		}
		if len(ips) == 0 {
			return noName
		}
	} else if ip, err := netip.ParseAddr(svc.Spec.ClusterIP); err == nil {
		ips = append(ips, ip)
	}
	if q.Qtype == dns.TypeSRV && host == "" {
		return z.ports(q, svc, "", "")
	}
	var a Answer
	for _, ip := range ips {
		if rr := address(q.Name, ip); asks(q, rr.Header().Rrtype) {
			a.Records = append(a.Records, rr)
		}
	}
	return a
}

// ports answers for the ports of a Service that have the name and protocol;
// empty ones match all.
func (z Zone) ports(q dns.Question, svc *corev1.Service, name, protocol string) Answer {
	var a Answer
	found := false
	for _, p := range svc.Spec.Ports {
		if name != "" && (p.Name != name || !strings.EqualFold(string(p.Protocol), protocol)) {
			continue
		}
		found = true
		if !asks(q, dns.TypeSRV) {
			continue
		}
		for host, target := range z.targets(svc, p) {
			a.Records = append(a.Records, &dns.SRV{
				Hdr: header(q.Name, dns.TypeSRV), Priority: 0, Weight: 100, Port: target.Port(), Target: host,
			})
			a.Extra = append(a.Extra, address(host, target.Addr()))
		}
	}
	if !found {
		return noName
	}
	slices.SortFunc(a.Records, func(x, y dns.RR) int { return strings.Compare(x.String(), y.String()) })
	slices.SortFunc(a.Extra, func(x, y dns.RR) int { return strings.Compare(x.String(), y.String()) })
	return a
}

// targets are the names and addresses behind one port: the Service's own, or
// those of a headless one's endpoints.
func (z Zone) targets(svc *corev1.Service, p corev1.ServicePort) map[string]netip.AddrPort {
	if !headless(svc) {
		ip, err := netip.ParseAddr(svc.Spec.ClusterIP)
		if err != nil {
			return nil
		}
		return map[string]netip.AddrPort{z.name(svc, ""): netip.AddrPortFrom(ip, uint16(p.Port))}
	}
	out := map[string]netip.AddrPort{}
	for _, e := range z.endpoints(svc) {
		if number, ok := e.ports[p.Name]; ok {
			out[z.name(svc, e.host)] = netip.AddrPortFrom(e.ip, number)
		}
	}
	return out
}

// pod answers names such as 10-244-1-7.shop.pod: whatever address they spell.
func (z Zone) pod(q dns.Question, labels []string) Answer {
	n := len(labels)
	if n == 0 {
		return Answer{}
	}
	if n > 2 || !z.Source.Namespace(labels[n-1]) {
		return noName
	}
	if n == 1 {
		return Answer{}
	}
	ip, err := netip.ParseAddr(strings.ReplaceAll(labels[0], "-", "."))
	if err != nil {
		return noName
	}
	if !asks(q, dns.TypeA) {
		return Answer{}
	}
	return Answer{Records: []dns.RR{address(q.Name, ip)}}
}

// pointer answers with the name that an address has. Addresses of others are
// for others to answer.
func (z Zone) pointer(q dns.Question, ip netip.Addr) Answer {
	target := ""
	if svc := z.Source.ServiceAt(ip); svc != nil {
		target = z.name(svc, "")
	} else if svc, e := z.Source.EndpointAt(ip); svc != nil {
		target = z.name(svc, endpointHost(e, ip))
	}
	if target == "" {
		return Answer{Elsewhere: true}
	}
	if !asks(q, dns.TypePTR) {
		return Answer{}
	}
	return Answer{Records: []dns.RR{&dns.PTR{Hdr: header(q.Name, dns.TypePTR), Ptr: target}}}
}

// name is the full name of a Service, or of one endpoint of it.
func (z Zone) name(svc *corev1.Service, host string) string {
	full := fmt.Sprintf("%s.%s.svc.%s.", svc.Name, svc.Namespace, z.Domain)
	if host != "" {
		full = host + "." + full
	}
	return full
}

func headless(svc *corev1.Service) bool { return svc.Spec.ClusterIP == corev1.ClusterIPNone }

// asks reports whether the question wants records of a type.
func asks(q dns.Question, t uint16) bool { return q.Qtype == t || q.Qtype == dns.TypeANY }

func header(name string, t uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: t, Class: dns.ClassINET, Ttl: TTL}
}

func address(name string, ip netip.Addr) dns.RR {
	if ip.Is4() {
		return &dns.A{Hdr: header(name, dns.TypeA), A: ip.AsSlice()}
	}
	return &dns.AAAA{Hdr: header(name, dns.TypeAAAA), AAAA: ip.AsSlice()}
}

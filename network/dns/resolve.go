package dns

import (
	"net/netip"

	"github.com/miekg/dns"
)

// Lookup returns the addresses of a full name, none if the zone does not know
// it. It is for networks in memory, whose pods have no resolver that asks.
func (z Zone) Lookup(name string) []netip.Addr {
	a := z.Answer(dns.Question{Name: dns.Fqdn(name), Qtype: dns.TypeA, Qclass: dns.ClassINET})
	var ips []netip.Addr
	for _, rr := range a.Records {
		if rr, ok := rr.(*dns.A); ok {
			if ip, ok := netip.AddrFromSlice(rr.A); ok {
				ips = append(ips, ip.Unmap())
			}
		}
	}
	return ips
}

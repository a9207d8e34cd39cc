package dns

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// ndots is how many dots a name must have to be tried as it is before the
// search path: the value that pods' resolv.conf has.
const ndots = 5

// Search is the search path of the pods of a namespace.
func (z Zone) Search(namespace string) []string {
	return []string{namespace + ".svc." + z.Domain, "svc." + z.Domain, z.Domain}
}

// Resolve finds the addresses of a host the way a pod's resolver would, with the
// search path of its namespace (resolv.conf(5)). ok is false where the zone knows
// no such name. It is for pods that are functions of this process and have no
// resolver of their own.
func (z Zone) Resolve(namespace, host string) (ips []netip.Addr, ok bool) {
	names := []string{host}
	if !strings.HasSuffix(host, ".") {
		var searched []string
		for _, suffix := range z.Search(namespace) {
			searched = append(searched, host+"."+suffix)
		}
		if strings.Count(host, ".") < ndots {
			names = append(searched, host)
		} else {
			names = append(names, searched...)
		}
	}
	for _, name := range names {
		if ips := z.lookup(name); len(ips) > 0 {
			return ips, true
		}
	}
	return nil, false
}

func (z Zone) lookup(name string) []netip.Addr {
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

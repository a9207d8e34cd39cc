package dns

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// DefaultDomain is the domain of a cluster unless somebody chose another.
const DefaultDomain = "cluster.local"

// TTL is how long, in seconds, a resolver may keep an answer.
const TTL = 5

// A Source is what a zone knows of the cluster. It must be safe for concurrent
// use; what it returns is not changed.
type Source interface {
	// Namespace reports whether the namespace exists.
	Namespace(name string) bool
	// Service returns the Service, or nil.
	Service(namespace, name string) *corev1.Service
	// Endpoints returns the Service's EndpointSlices.
	Endpoints(namespace, name string) []*discoveryv1.EndpointSlice
	// ServiceAt returns the Service whose ClusterIP is ip, or nil.
	ServiceAt(ip netip.Addr) *corev1.Service
	// EndpointAt returns a headless Service that has ip as an endpoint, and
	// the endpoint; or nil.
	EndpointAt(ip netip.Addr) (*corev1.Service, *discoveryv1.Endpoint)
}

// A Zone answers for one cluster's domain and for the addresses in it.
type Zone struct {
	// Domain is the cluster's domain, without dots at its ends.
	Domain string
	Source Source
}

// An Answer is what the zone says to a question.
type Answer struct {
	Records []dns.RR
	// Extra are addresses for names in Records, to spare the next question.
	Extra []dns.RR
	// Code is dns.RcodeSuccess or dns.RcodeNameError.
	Code int
	// Elsewhere says that the name is not the zone's to answer.
	Elsewhere bool
}

// noName is the answer for a name that does not exist.
var noName = Answer{Code: dns.RcodeNameError}

// Answer answers one question. Names are compared without regard to case.
func (z Zone) Answer(q dns.Question) Answer {
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	if q.Qclass != dns.ClassINET && q.Qclass != dns.ClassANY {
		return Answer{Code: dns.RcodeNotImplemented}
	}
	if ip, ok := reverse(name); ok {
		return z.pointer(q, ip)
	}
	if name != z.Domain && !strings.HasSuffix(name, "."+z.Domain) {
		return Answer{Elsewhere: true}
	}
	labels := strings.Split(strings.TrimSuffix(strings.TrimSuffix(name, z.Domain), "."), ".")
	switch last := labels[len(labels)-1]; last {
	case "": // the domain itself
		return Answer{}
	case "dns-version":
		return z.version(q, labels)
	case "svc":
		return z.service(q, labels[:len(labels)-1])
	case "pod":
		return z.pod(q, labels[:len(labels)-1])
	default:
		return noName
	}
}

// reverse reads the address out of a name such as 1.0.96.10.in-addr.arpa.
func reverse(name string) (netip.Addr, bool) {
	rest, ok := strings.CutSuffix(name, ".in-addr.arpa")
	if !ok {
		return netip.Addr{}, false
	}
	labels := strings.Split(rest, ".")
	if len(labels) != 4 {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0])
	return ip, err == nil
}

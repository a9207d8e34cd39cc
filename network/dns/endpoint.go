package dns

import (
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// An endpoint is one address of a headless Service with its ports by name.
type endpoint struct {
	ip    netip.Addr
	host  string
	ports map[string]uint16
}

// endpoints are those that a headless Service's name stands for.
func (z Zone) endpoints(svc *corev1.Service) []endpoint {
	var out []endpoint
	for _, s := range z.Source.Endpoints(svc.Namespace, svc.Name) {
		for i := range s.Endpoints {
			e := &s.Endpoints[i]
			ready := e.Conditions.Ready == nil || *e.Conditions.Ready
			if !ready && !svc.Spec.PublishNotReadyAddresses {
				continue
			}
			for _, text := range e.Addresses {
				if ip, err := netip.ParseAddr(text); err == nil {
					out = append(out, endpoint{ip: ip, host: endpointHost(e, ip), ports: portNumbers(s)})
				}
			}
		}
	}
	return out
}

func portNumbers(s *discoveryv1.EndpointSlice) map[string]uint16 {
	ports := map[string]uint16{}
	for _, p := range s.Ports {
		if p.Port == nil {
			continue
		}
		name := ""
		if p.Name != nil {
			name = *p.Name
		}
		ports[name] = uint16(*p.Port)
	}
	return ports
}

// endpointHost is an endpoint's own label: the pod's hostname if it has one,
// else its address with dashes.
func endpointHost(e *discoveryv1.Endpoint, ip netip.Addr) string {
	if e.Hostname != nil && *e.Hostname != "" {
		return *e.Hostname
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(ip.String())
}

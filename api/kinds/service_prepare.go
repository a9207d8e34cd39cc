package kinds

import (
	corev1 "k8s.io/api/core/v1"
)

// prepareService brings the two fields for addresses in step for clients that
// know only the older, singular one.
func prepareService(s *corev1.Service) {
	if s.Spec.ClusterIP != "" && len(s.Spec.ClusterIPs) == 0 {
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
	}
}

// keepAllocated lets a client leave out of an update what the server has chosen:
// addresses and node ports. It does not know them if it applies the file that
// it made the service from.
func keepAllocated(s, old *corev1.Service) {
	spec, was := &s.Spec, &old.Spec
	switch {
	case spec.Type == corev1.ServiceTypeExternalName && was.Type != corev1.ServiceTypeExternalName:
		dropAddresses(spec, was)
	case hasClusterIP(spec.Type) && hasClusterIP(was.Type):
		keepAddresses(spec, was)
	}
	prepareService(s)
	if hasNodePorts(spec.Type) && hasNodePorts(was.Type) {
		keepNodePorts(spec.Ports, was.Ports)
	}
	if spec.Type == corev1.ServiceTypeClusterIP && hasNodePorts(was.Type) {
		dropNodePorts(spec.Ports, was.Ports)
	}
}

func keepAddresses(spec, was *corev1.ServiceSpec) {
	switch {
	case spec.ClusterIP == "" && len(spec.ClusterIPs) == 0:
		spec.ClusterIP, spec.ClusterIPs = was.ClusterIP, was.ClusterIPs
	case spec.ClusterIP == was.ClusterIP && len(spec.ClusterIPs) == 0:
		spec.ClusterIPs = was.ClusterIPs
	}
	if len(spec.IPFamilies) == 0 {
		spec.IPFamilies = was.IPFamilies
	}
	if spec.IPFamilyPolicy == nil {
		spec.IPFamilyPolicy = was.IPFamilyPolicy
	}
}

// dropAddresses takes from a service that becomes an ExternalName what it had,
// unless the client asks for something new, which is then refused.
func dropAddresses(spec, was *corev1.ServiceSpec) {
	if spec.ClusterIP == was.ClusterIP && same(spec.ClusterIPs, was.ClusterIPs) {
		spec.ClusterIP, spec.ClusterIPs = "", nil
	}
	if same(spec.IPFamilies, was.IPFamilies) {
		spec.IPFamilies = nil
	}
	if same(spec.IPFamilyPolicy, was.IPFamilyPolicy) {
		spec.IPFamilyPolicy = nil
	}
}

func hasNodePorts(t corev1.ServiceType) bool {
	return t == corev1.ServiceTypeNodePort || t == corev1.ServiceTypeLoadBalancer
}

func keepNodePorts(ports, was []corev1.ServicePort) {
	for i := range ports {
		if ports[i].NodePort != 0 {
			continue
		}
		for _, old := range was {
			if old.Protocol == ports[i].Protocol && old.Port == ports[i].Port {
				ports[i].NodePort = old.NodePort
			}
		}
	}
}

func dropNodePorts(ports, was []corev1.ServicePort) {
	for i := range ports {
		for _, old := range was {
			if ports[i].NodePort == old.NodePort {
				ports[i].NodePort = 0
			}
		}
	}
}

package kinds

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
)

func serviceColumns() []api.Column {
	return table(
		text("Type", docs(corev1.ServiceSpec{}, "type"), func(s *corev1.Service) string { return string(s.Spec.Type) }),
		text("Cluster-IP", docs(corev1.ServiceSpec{}, "clusterIP"), func(s *corev1.Service) string {
			if len(s.Spec.ClusterIPs) == 0 {
				return none
			}
			return s.Spec.ClusterIPs[0]
		}),
		text("External-IP", docs(corev1.ServiceSpec{}, "externalIPs"), externalIPs),
		text("Port(s)", docs(corev1.ServiceSpec{}, "ports"), servicePorts),
		api.AgeColumn(),
		wide(text("Selector", docs(corev1.ServiceSpec{}, "selector"), func(s *corev1.Service) string {
			return labelText(s.Spec.Selector)
		})),
	)
}

func externalIPs(s *corev1.Service) string {
	switch s.Spec.Type {
	case corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort:
		return or(strings.Join(s.Spec.ExternalIPs, ","), none)
	case corev1.ServiceTypeLoadBalancer:
		return or(strings.Join(slices.Concat(balancerAddresses(s), s.Spec.ExternalIPs), ","), "<pending>")
	case corev1.ServiceTypeExternalName:
		return s.Spec.ExternalName
	default:
		return unknown
	}
}

func balancerAddresses(s *corev1.Service) []string {
	var all []string
	for _, ingress := range s.Status.LoadBalancer.Ingress {
		all = append(all, or(ingress.IP, ingress.Hostname))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func servicePorts(s *corev1.Service) string {
	var all []string
	for _, port := range s.Spec.Ports {
		if port.NodePort > 0 {
			all = append(all, fmt.Sprintf("%d:%d/%s", port.Port, port.NodePort, port.Protocol))
		} else {
			all = append(all, fmt.Sprintf("%d/%s", port.Port, port.Protocol))
		}
	}
	return or(strings.Join(all, ","), none)
}

package quota

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func serviceNamed(name corev1.ResourceName) bool {
	switch name {
	case CountName(schema.GroupResource{Resource: "services"}), corev1.ResourceServices,
		corev1.ResourceServicesNodePorts, corev1.ResourceServicesLoadBalancers:
		return true
	}
	return false
}

func serviceUsage(service *corev1.Service) corev1.ResourceList {
	ports, balancers := 0, 0
	switch service.Spec.Type {
	case corev1.ServiceTypeNodePort:
		ports = len(service.Spec.Ports)
	case corev1.ServiceTypeLoadBalancer:
		ports, balancers = balancerPorts(&service.Spec), 1
	}
	return corev1.ResourceList{
		CountName(schema.GroupResource{Resource: "services"}): count(1),
		corev1.ResourceServices:                               count(1),
		corev1.ResourceServicesNodePorts:                      count(ports),
		corev1.ResourceServicesLoadBalancers:                  count(balancers),
	}
}

// balancerPorts counts what will be allocated, or where nothing is what was
// asked for by number.
func balancerPorts(spec *corev1.ServiceSpec) int {
	if spec.AllocateLoadBalancerNodePorts == nil || *spec.AllocateLoadBalancerNodePorts {
		return len(spec.Ports)
	}
	n := 0
	for _, p := range spec.Ports {
		if p.NodePort != 0 {
			n++
		}
	}
	return n
}

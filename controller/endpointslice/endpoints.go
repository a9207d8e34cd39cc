package endpointslice

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/controller/podstate"
)

// A Group is endpoints with the same ports: a named port may have different
// numbers in different pods, and a slice has one list of ports for all.
type Group struct {
	Ports     []discoveryv1.EndpointPort
	Endpoints []discoveryv1.Endpoint
}

// Endpoints works out what is behind a Service, of the pods that it selects.
// node tells in which zone a node is, "" if in none, and whether there is such a
// node: a pod whose node is gone has gone with it, even if nobody has said so yet.
func Endpoints(svc *corev1.Service, pods []*corev1.Pod, node func(name string) (zone string, known bool)) []Group {
	groups := map[string]*Group{}
	for _, pod := range pods {
		zone, known := node(pod.Spec.NodeName)
		if !eligible(pod) || !known && !svc.Spec.PublishNotReadyAddresses {
			continue
		}
		ports := portsOf(svc, pod)
		key := portsKey(ports)
		if groups[key] == nil {
			groups[key] = &Group{Ports: ports}
		}
		groups[key].Endpoints = append(groups[key].Endpoints, endpointOf(svc, pod, zone))
	}
	var out []Group
	for _, g := range groups {
		slices.SortFunc(g.Endpoints, func(a, b discoveryv1.Endpoint) int {
			return cmp.Or(cmp.Compare(a.Addresses[0], b.Addresses[0]), cmp.Compare(a.TargetRef.Name, b.TargetRef.Name))
		})
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Compare(portsKey(a.Ports), portsKey(b.Ports)) })
	return out
}

// eligible reports whether a pod can be behind a Service at all: it has an
// address and has not ended.
func eligible(pod *corev1.Pod) bool {
	return address(pod) != "" && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// address is a pod's IPv4 address, "" if it has none.
func address(pod *corev1.Pod) string {
	ips := []string{pod.Status.PodIP}
	for _, ip := range pod.Status.PodIPs {
		ips = append(ips, ip.IP)
	}
	for _, ip := range ips {
		if a, err := netip.ParseAddr(ip); err == nil && a.Is4() {
			return ip
		}
	}
	return ""
}

func endpointOf(svc *corev1.Service, pod *corev1.Pod, zone string) discoveryv1.Endpoint {
	serving := podstate.Ready(pod)
	terminating := pod.DeletionTimestamp != nil
	ready := svc.Spec.PublishNotReadyAddresses || serving && !terminating
	e := discoveryv1.Endpoint{
		Addresses:  []string{address(pod)},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		TargetRef: &corev1.ObjectReference{
			Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID,
		},
	}
	if node := pod.Spec.NodeName; node != "" {
		e.NodeName = &node
		if zone != "" {
			e.Zone = &zone
		}
	}
	// A pod's own name below a headless Service, if it asks for one.
	if host := pod.Spec.Hostname; host != "" && pod.Spec.Subdomain == svc.Name {
		e.Hostname = &host
	}
	return e
}

// portsOf are the Service's ports with their numbers in a pod. A named target
// port that the pod does not have is left out.
func portsOf(svc *corev1.Service, pod *corev1.Pod) []discoveryv1.EndpointPort {
	var out []discoveryv1.EndpointPort
	for i := range svc.Spec.Ports {
		sp := &svc.Spec.Ports[i]
		number, ok := targetPort(sp, pod)
		if !ok {
			continue
		}
		out = append(out, discoveryv1.EndpointPort{
			Name: &sp.Name, Protocol: &sp.Protocol, Port: &number, AppProtocol: sp.AppProtocol,
		})
	}
	return out
}

func targetPort(sp *corev1.ServicePort, pod *corev1.Pod) (int32, bool) {
	if sp.TargetPort.Type == intstr.Int {
		if sp.TargetPort.IntVal == 0 {
			return sp.Port, true
		}
		return sp.TargetPort.IntVal, true
	}
	for _, list := range [][]corev1.Container{pod.Spec.Containers, sidecars(pod)} {
		for i := range list {
			for _, p := range list[i].Ports {
				if p.Name == sp.TargetPort.StrVal && p.Protocol == sp.Protocol {
					return p.ContainerPort, true
				}
			}
		}
	}
	return 0, false
}

// sidecars are the init containers that go on beside the others.
func sidecars(pod *corev1.Pod) (out []corev1.Container) {
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			out = append(out, c)
		}
	}
	return out
}

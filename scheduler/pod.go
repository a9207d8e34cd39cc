package scheduler

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
)

// Defaults for scoring: what a container that says nothing is taken to use, so
// that such pods do not all land on one node.
const (
	defaultMilliCPU = 100
	defaultMemory   = 200 << 20
)

// A PodInfo is a pod with what scheduling needs to know of it, worked out once.
// It never changes.
type PodInfo struct {
	*corev1.Pod
	Requests Resources
	// Likely are the requests with defaults for containers without any.
	Likely Resources
	// Ports are the host ports it wants.
	Ports []HostPort
	// Affinity is how it wants to be placed relative to other pods, or nil.
	Affinity *PodAffinity
}

// A HostPort is a port of the node's own address that a pod takes.
type HostPort struct {
	IP       string // "" or "0.0.0.0" for all addresses
	Protocol corev1.Protocol
	Port     int32
}

// Conflicts reports whether two pods cannot both have their port on one node.
func (h HostPort) Conflicts(other HostPort) bool {
	all := func(ip string) bool { return ip == "" || ip == "0.0.0.0" }
	return h.Port == other.Port && h.Protocol == other.Protocol &&
		(h.IP == other.IP || all(h.IP) || all(other.IP))
}

// NewPodInfo works out what scheduling needs to know of a pod.
func NewPodInfo(pod *corev1.Pod) *PodInfo {
	p := &PodInfo{Pod: pod, Requests: requests(pod), Affinity: newPodAffinity(pod)}
	p.Likely = Resources{MilliCPU: p.Requests.MilliCPU, Memory: p.Requests.Memory}
	var own corev1.ResourceList
	if pod.Spec.Resources != nil {
		own = pod.Spec.Resources.Requests
	}
	for i := range pod.Spec.Containers {
		// A request of zero is one, and means it.
		list := pod.Spec.Containers[i].Resources.Requests
		if !has(list, corev1.ResourceCPU) && !has(own, corev1.ResourceCPU) {
			p.Likely.MilliCPU += defaultMilliCPU
		}
		if !has(list, corev1.ResourceMemory) && !has(own, corev1.ResourceMemory) {
			p.Likely.Memory += defaultMemory
		}
	}
	p.Ports = hostPorts(pod)
	return p
}

func has(list corev1.ResourceList, name corev1.ResourceName) bool {
	_, ok := list[name]
	return ok
}

// hostPorts are those of the containers, and of init containers that go on
// beside them.
func hostPorts(pod *corev1.Pod) []HostPort {
	var ports []HostPort
	add := func(c *corev1.Container) {
		for _, port := range c.Ports {
			if port.HostPort != 0 {
				ports = append(ports, HostPort{port.HostIP, port.Protocol, port.HostPort})
			}
		}
	}
	for i := range pod.Spec.Containers {
		add(&pod.Spec.Containers[i])
	}
	for i := range pod.Spec.InitContainers {
		if sidecar(&pod.Spec.InitContainers[i]) {
			add(&pod.Spec.InitContainers[i])
		}
	}
	return ports
}

// sidecar reports whether an init container goes on beside everything started
// after it (KEP-753).
func sidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// Importance is the pod's priority; a pod without one has 0.
func (p *PodInfo) Importance() int32 { return priority(p.Pod) }

func priority(pod *corev1.Pod) int32 {
	if pod.Spec.Priority == nil {
		return 0
	}
	return *pod.Spec.Priority
}

// moreImportant puts pods in the order in which they may stay on a node: those
// of higher priority first, and of equals those that have run longest.
func moreImportant(a, b *PodInfo) int {
	return cmp.Or(
		cmp.Compare(b.Importance(), a.Importance()),
		started(a).Compare(started(b)),
		cmp.Compare(a.UID, b.UID),
	)
}

package kubelet

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// admit says why a pod cannot run beside the others, or nil. The scheduler has
// asked the same before; but a pod may have been bound by somebody else, or two
// at once. See
// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/ and the
// reasons OutOfcpu, OutOfmemory, OutOfpods and NodePorts.
func admit(pod *corev1.Pod, others []*corev1.Pod, allocatable corev1.ResourceList, system string) *podsync.Rejection {
	if os := pod.Spec.OS; os != nil && string(os.Name) != system {
		return &podsync.Rejection{Reason: "PodOSNotSupported", Message: fmt.Sprintf("Failed to admit pod as the OS field doesn't match node OS %q", system)}
	}
	if name := pod.Spec.RuntimeClassName; name != nil {
		return &podsync.Rejection{Reason: "UnsupportedPodSpec", Message: fmt.Sprintf("runtime classes are not supported by this kubelet: %q", *name)}
	}
	if users := pod.Spec.HostUsers; users != nil && !*users {
		return &podsync.Rejection{Reason: "UnsupportedPodSpec", Message: "user namespaces (hostUsers: false) are not supported by this kubelet"}
	}
	for _, other := range others {
		if conflict, found := portConflict(pod, other); found {
			return &podsync.Rejection{Reason: "NodePorts", Message: fmt.Sprintf("Pod was rejected: host port %s is taken by pod %s/%s", conflict, other.Namespace, other.Name)}
		}
	}
	return fits(pod, others, allocatable)
}

func fits(pod *corev1.Pod, others []*corev1.Pod, allocatable corev1.ResourceList) *podsync.Rejection {
	if limit, ok := allocatable[corev1.ResourcePods]; ok && int64(len(others)) >= limit.Value() {
		return outOf(corev1.ResourcePods, 1, int64(len(others)), limit.Value())
	}
	used := corev1.ResourceList{}
	for _, other := range others {
		addAll(used, podRequests(other))
	}
	asked := podRequests(pod)
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		want, have, limit := asked[name], used[name], allocatable[name]
		if isZero(want) {
			continue
		}
		total := have.DeepCopy()
		total.Add(want)
		if total.Cmp(limit) <= 0 {
			continue
		}
		if name == corev1.ResourceCPU {
			return outOf(name, want.MilliValue(), have.MilliValue(), limit.MilliValue())
		}
		return outOf(name, want.Value(), have.Value(), limit.Value())
	}
	return nil
}

func outOf(name corev1.ResourceName, want, used, limit int64) *podsync.Rejection {
	return &podsync.Rejection{
		Reason: "OutOf" + string(name),
		Message: fmt.Sprintf("Pod was rejected: Node didn't have enough resource: %s, requested: %d, used: %d, capacity: %d",
			name, want, used, limit),
	}
}

// A hostPort is a port of the node that a pod takes.
type hostPort struct {
	ip       string
	protocol corev1.Protocol
	port     int32
}

func (p hostPort) String() string { return fmt.Sprintf("%s:%d/%s", p.ip, p.port, p.protocol) }

func hostPorts(pod *corev1.Pod) []hostPort {
	var ports []hostPort
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for _, c := range list {
			for _, p := range c.Ports {
				if p.HostPort == 0 {
					continue
				}
				taken := hostPort{p.HostIP, p.Protocol, p.HostPort}
				orDefault(&taken.ip, "0.0.0.0")
				orDefault(&taken.protocol, corev1.ProtocolTCP)
				ports = append(ports, taken)
			}
		}
	}
	return ports
}

// portConflict returns a port that two pods both want. 0.0.0.0 conflicts with
// any address.
func portConflict(a, b *corev1.Pod) (hostPort, bool) {
	for _, p := range hostPorts(a) {
		for _, q := range hostPorts(b) {
			anyIP := p.ip == q.ip || p.ip == "0.0.0.0" || q.ip == "0.0.0.0"
			if anyIP && p.port == q.port && p.protocol == q.protocol {
				return p, true
			}
		}
	}
	return hostPort{}, false
}

package kubelet

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
)

// How CPU is turned into cgroup terms. See
// https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/.
const (
	cpuPeriod  = 100_000 // microseconds
	minQuota   = 1_000   // microseconds; the kernel takes no less
	minShares  = 2
	maxShares  = 262_144
	sharesPerC = 1024
)

// linuxResources are the limits of one container.
func (k *Kubelet) linuxResources(pod *corev1.Pod, c *corev1.Container) *cri.LinuxContainerResources {
	r := cgroupResources(c.Resources.Requests, c.Resources.Limits)
	r.OomScoreAdj = max(k.oomScore(pod, c), k.oomFloor)
	return r
}

func cgroupResources(requests, limits corev1.ResourceList) *cri.LinuxContainerResources {
	r := &cri.LinuxContainerResources{CpuPeriod: cpuPeriod, CpuShares: minShares}
	cpu, asked := requests[corev1.ResourceCPU]
	limit, limited := limits[corev1.ResourceCPU]
	if !asked && limited {
		cpu = limit
	}
	if milli := cpu.MilliValue(); milli > 0 {
		r.CpuShares = min(max(milli*sharesPerC/1000, minShares), maxShares)
	}
	if milli := limit.MilliValue(); milli > 0 {
		r.CpuQuota = max(milli*cpuPeriod/1000, minQuota)
	}
	if memory, ok := limits[corev1.ResourceMemory]; ok {
		r.MemoryLimitInBytes = memory.Value()
	}
	return r
}

// oomScore says how soon the kernel kills a container when the node has no
// memory left: the less it asked for, the sooner. See
// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior.
func (k *Kubelet) oomScore(pod *corev1.Pod, c *corev1.Container) int64 {
	const guaranteed, bestEffort = -997, 1000
	if p := pod.Spec.Priority; p != nil && *p >= nodeCritical {
		return guaranteed
	}
	switch kinds.QOSClass(&pod.Spec) {
	case corev1.PodQOSGuaranteed:
		return guaranteed
	case corev1.PodQOSBestEffort:
		return bestEffort
	}
	capacity := k.cfg.Capacity.Memory().Value()
	if capacity == 0 {
		return bestEffort - 1
	}
	score := bestEffort - bestEffort*c.Resources.Requests.Memory().Value()/capacity
	return min(max(score, bestEffort+guaranteed), bestEffort-1)
}

// nodeCritical is the priority of system-node-critical.
const nodeCritical = 2_000_001_000

// podRequests is what a pod asks for altogether: its containers and sidecars at
// once, or its largest init container with the sidecars before it, whichever is
// more, and the overhead (KEP-753).
func podRequests(pod *corev1.Pod) corev1.ResourceList {
	sum, sidecars, initial := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
	for i := range pod.Spec.Containers {
		addAll(sum, pod.Spec.Containers[i].Resources.Requests)
	}
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			addAll(sum, c.Resources.Requests)
			addAll(sidecars, c.Resources.Requests)
			continue
		}
		peak := sidecars.DeepCopy()
		addAll(peak, c.Resources.Requests)
		maxAll(initial, peak)
	}
	maxAll(sum, initial)
	if pod.Spec.Resources != nil {
		for name, quantity := range pod.Spec.Resources.Requests {
			sum[name] = quantity
		}
	}
	addAll(sum, pod.Spec.Overhead)
	return sum
}

func podLimits(pod *corev1.Pod) corev1.ResourceList {
	sum := corev1.ResourceList{}
	for i := range pod.Spec.Containers {
		addAll(sum, pod.Spec.Containers[i].Resources.Limits)
	}
	for name := range sum { // a limit of all is one only if each has it
		for i := range pod.Spec.Containers {
			if _, ok := pod.Spec.Containers[i].Resources.Limits[name]; !ok {
				delete(sum, name)
			}
		}
	}
	return sum
}

func addAll(sum, more corev1.ResourceList) {
	for name, quantity := range more {
		total := sum[name].DeepCopy()
		total.Add(quantity)
		sum[name] = total
	}
}

func maxAll(sum, other corev1.ResourceList) {
	for name, quantity := range other {
		if have, ok := sum[name]; !ok || quantity.Cmp(have) > 0 {
			sum[name] = quantity.DeepCopy()
		}
	}
}

func isZero(q resource.Quantity) bool { return q.Sign() == 0 }

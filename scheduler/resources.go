package scheduler

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Resources are amounts of what pods use and nodes have.
type Resources struct {
	MilliCPU int64 // thousandths of a processor
	Memory   int64 // bytes
	Storage  int64 // bytes of ephemeral storage
	// Scalar are all others by name: devices, huge pages.
	Scalar map[corev1.ResourceName]int64
}

// Add adds other times sign, which is 1 or -1.
func (r *Resources) Add(other *Resources, sign int64) {
	r.MilliCPU += sign * other.MilliCPU
	r.Memory += sign * other.Memory
	r.Storage += sign * other.Storage
	for name, v := range other.Scalar {
		if r.Scalar == nil {
			r.Scalar = map[corev1.ResourceName]int64{}
		}
		r.Scalar[name] += sign * v
	}
}

// AtLeast raises each amount of r to that of other.
func (r *Resources) AtLeast(other *Resources) {
	r.MilliCPU = max(r.MilliCPU, other.MilliCPU)
	r.Memory = max(r.Memory, other.Memory)
	r.Storage = max(r.Storage, other.Storage)
	for name, v := range other.Scalar {
		if r.Scalar == nil {
			r.Scalar = map[corev1.ResourceName]int64{}
		}
		r.Scalar[name] = max(r.Scalar[name], v)
	}
}

// Clone returns a copy that shares nothing with r.
func (r *Resources) Clone() Resources {
	var out Resources
	out.Add(r, 1)
	return out
}

// resourcesOf reads a resource list.
func resourcesOf(list corev1.ResourceList) Resources {
	var r Resources
	for name, q := range list {
		r.set(name, q)
	}
	return r
}

func (r *Resources) set(name corev1.ResourceName, q resource.Quantity) {
	switch name {
	case corev1.ResourceCPU:
		r.MilliCPU = q.MilliValue()
	case corev1.ResourceMemory:
		r.Memory = q.Value()
	case corev1.ResourceEphemeralStorage:
		r.Storage = q.Value()
	case corev1.ResourcePods: // counted, not added up
	default:
		if r.Scalar == nil {
			r.Scalar = map[corev1.ResourceName]int64{}
		}
		r.Scalar[name] = q.Value()
	}
}

// requests is what a pod needs of a node at any one time: its containers
// together, or its hungriest init container while that runs, if that is more.
// Sidecars go on beside everything started after them.
func requests(pod *corev1.Pod) Resources {
	var running, peak Resources
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		need := resourcesOf(c.Resources.Requests)
		if sidecar(c) {
			running.Add(&need, 1)
			peak.AtLeast(&running)
			continue
		}
		need.Add(&running, 1)
		peak.AtLeast(&need)
	}
	for i := range pod.Spec.Containers {
		need := resourcesOf(pod.Spec.Containers[i].Resources.Requests)
		running.Add(&need, 1)
	}
	running.AtLeast(&peak)
	if pod.Spec.Resources != nil { // The pod's own requests go before its containers'.
		for name, q := range pod.Spec.Resources.Requests {
			running.set(name, q)
		}
	}
	overhead := resourcesOf(pod.Spec.Overhead)
	running.Add(&overhead, 1)
	return running
}

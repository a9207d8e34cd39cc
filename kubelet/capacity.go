package kubelet

import (
	goruntime "runtime"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// defaultPods is how many pods a node takes when nobody says otherwise.
const defaultPods = 110

// detectCapacity adds to what was given the resources of this machine that are
// missing in it.
func detectCapacity(given corev1.ResourceList, root string) corev1.ResourceList {
	found := given.DeepCopy()
	if found == nil {
		found = corev1.ResourceList{}
	}
	add := func(name corev1.ResourceName, value func() (int64, bool)) {
		if _, ok := found[name]; ok {
			return
		}
		if n, ok := value(); ok {
			format := resource.BinarySI
			if name == corev1.ResourceCPU || name == corev1.ResourcePods {
				format = resource.DecimalSI
			}
			found[name] = *resource.NewQuantity(n, format)
		}
	}
	add(corev1.ResourceCPU, func() (int64, bool) { return int64(goruntime.NumCPU()), true })
	add(corev1.ResourcePods, func() (int64, bool) { return defaultPods, true })
	add(corev1.ResourceMemory, machineMemory)
	add(corev1.ResourceEphemeralStorage, func() (int64, bool) { return diskSize(root) })
	return found
}

// allocatable is what is left of the capacity for pods.
func allocatable(capacity, reserved corev1.ResourceList) corev1.ResourceList {
	left := capacity.DeepCopy()
	for name, quantity := range reserved {
		if total, ok := left[name]; ok {
			total.Sub(quantity)
			if total.Sign() < 0 {
				total = resource.Quantity{Format: total.Format}
			}
			left[name] = total
		}
	}
	return left
}

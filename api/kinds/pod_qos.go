package kinds

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// QOSClass returns how well a pod with this spec is protected when its node runs
// out of memory. Guaranteed: every container asks for exactly its limits of CPU
// and memory. BestEffort: none asks for any. Burstable: the rest. See
// https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/.
func QOSClass(spec *corev1.PodSpec) corev1.PodQOSClass {
	var all []corev1.ResourceRequirements
	if spec.Resources != nil && (hasComputing(spec.Resources.Requests) || hasComputing(spec.Resources.Limits)) {
		// What is asked for the pod as a whole decides alone.
		all = append(all, *spec.Resources)
	} else {
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			all = append(all, c.Resources)
		}
	}

	guaranteed, bestEffort := true, true
	for _, r := range all {
		if hasComputing(r.Requests) || hasComputing(r.Limits) {
			bestEffort = false
		}
		if !asksItsLimits(r) {
			guaranteed = false
		}
	}
	switch {
	case bestEffort:
		return corev1.PodQOSBestEffort
	case guaranteed:
		return corev1.PodQOSGuaranteed
	default:
		return corev1.PodQOSBurstable
	}
}

func computing() []corev1.ResourceName {
	return []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}
}

func hasComputing(list corev1.ResourceList) bool {
	return slices.ContainsFunc(computing(), func(name corev1.ResourceName) bool {
		quantity := list[name]
		return quantity.Cmp(resource.Quantity{}) > 0
	})
}

// asksItsLimits says whether both CPU and memory are limited, and asked for in
// full. A request that is left out counts as the limit.
func asksItsLimits(r corev1.ResourceRequirements) bool {
	for _, name := range computing() {
		limit, limited := r.Limits[name]
		if !limited || limit.IsZero() {
			return false
		}
		if request, asked := r.Requests[name]; asked && request.Cmp(limit) != 0 {
			return false
		}
	}
	return true
}

package quota

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/component-helpers/resource"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
)

const requestsPrefix = corev1.DefaultResourceRequestsPrefix

// podNamed: the number of pods; requests and limits of what every node has;
// requests of pages and devices.
func podNamed(name corev1.ResourceName) bool {
	switch name {
	case CountName(schema.GroupResource{Resource: "pods"}), corev1.ResourcePods,
		corev1.ResourceCPU, corev1.ResourceRequestsCPU, corev1.ResourceLimitsCPU,
		corev1.ResourceMemory, corev1.ResourceRequestsMemory, corev1.ResourceLimitsMemory,
		corev1.ResourceEphemeralStorage, corev1.ResourceRequestsEphemeralStorage, corev1.ResourceLimitsEphemeralStorage:
		return true
	}
	text := string(name)
	device, requested := strings.CutPrefix(text, requestsPrefix)
	return strings.HasPrefix(text, corev1.ResourceHugePagesPrefix) ||
		strings.HasPrefix(text, corev1.ResourceRequestsHugePagesPrefix) ||
		requested && (!native(corev1.ResourceName(text)) || strings.HasPrefix(device, resourcev1.ResourceDeviceClassPrefix))
}

// podUsage is what a pod takes. One that has ended, or should have by now, is
// only counted as an object.
func podUsage(pod *corev1.Pod) corev1.ResourceList {
	usage := corev1.ResourceList{CountName(schema.GroupResource{Resource: "pods"}): count(1)}
	if !PodCharged(pod) {
		return usage
	}
	options := resource.PodResourcesOptions{UseStatusResources: true}
	maps.Copy(usage, named(resource.PodRequests(pod, options), resource.PodLimits(pod, options)))
	return usage
}

// PodCharged says whether a pod uses more than its place in the store: it has
// not ended, and is not past its grace period on a node that may be lost.
func PodCharged(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return false
	}
	if pod.DeletionTimestamp == nil || pod.DeletionGracePeriodSeconds == nil {
		return true
	}
	grace := time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
	return !time.Now().After(pod.DeletionTimestamp.Add(grace))
}

// named gives requests and limits the names that quotas have for them. CPU and
// memory alone mean the requests.
func named(requests, limits corev1.ResourceList) corev1.ResourceList {
	list := corev1.ResourceList{corev1.ResourcePods: count(1)}
	for name, quantity := range requests {
		switch {
		case name == corev1.ResourceCPU, name == corev1.ResourceMemory, name == corev1.ResourceEphemeralStorage,
			strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix):
			list[name], list[requestsPrefix+name] = quantity, quantity
		case extended(name), strings.HasPrefix(string(name), resourcev1.ResourceDeviceClassPrefix):
			list[requestsPrefix+name] = quantity
		}
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		if quantity, ok := limits[name]; ok {
			list["limits."+name] = quantity
		}
	}
	return list
}

// native and extended divide the names of resources: into Kubernetes' own and
// those of devices.
func native(name corev1.ResourceName) bool {
	return !strings.Contains(string(name), "/") || strings.Contains(string(name), corev1.ResourceDefaultNamespacePrefix)
}

func extended(name corev1.ResourceName) bool {
	return !native(name) && !strings.HasPrefix(string(name), requestsPrefix) &&
		len(validation.IsQualifiedName(requestsPrefix+string(name))) == 0
}

// MissingOfPod returns what of the named resources a pod's containers do not ask
// for although they must: where CPU or memory is limited, each container says how
// much it wants. The values are names of containers, sorted.
func MissingOfPod(pod *corev1.Pod, names []corev1.ResourceName) map[corev1.ResourceName][]string {
	missing := map[corev1.ResourceName][]string{}
	if resource.IsPodLevelResourcesSet(pod) {
		return missing
	}
	for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		asked := named(c.Resources.Requests, c.Resources.Limits)
		for _, name := range names {
			switch name {
			case corev1.ResourceCPU, corev1.ResourceRequestsCPU, corev1.ResourceLimitsCPU,
				corev1.ResourceMemory, corev1.ResourceRequestsMemory, corev1.ResourceLimitsMemory:
				if _, ok := asked[name]; !ok {
					missing[name] = append(missing[name], c.Name)
				}
			}
		}
	}
	for _, containers := range missing {
		slices.Sort(containers)
	}
	return missing
}

// PodEnds says whether a pod has a time by which it must have ended: the scope
// Terminating.
func PodEnds(pod *corev1.Pod) bool {
	return pod.Spec.ActiveDeadlineSeconds != nil && *pod.Spec.ActiveDeadlineSeconds >= 0
}

func podInScope(obj api.Object, scope corev1.ScopedResourceSelectorRequirement) bool {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return false
	}
	switch scope.ScopeName {
	case corev1.ResourceQuotaScopeTerminating:
		return PodEnds(pod)
	case corev1.ResourceQuotaScopeNotTerminating:
		return !PodEnds(pod)
	case corev1.ResourceQuotaScopeBestEffort:
		return kinds.QOSClass(&pod.Spec) == corev1.PodQOSBestEffort
	case corev1.ResourceQuotaScopeNotBestEffort:
		return kinds.QOSClass(&pod.Spec) != corev1.PodQOSBestEffort
	case corev1.ResourceQuotaScopePriorityClass:
		return selects(scope, pod.Spec.PriorityClassName)
	case corev1.ResourceQuotaScopeCrossNamespacePodAffinity:
		return slices.ContainsFunc(affinityTerms(pod), func(t corev1.PodAffinityTerm) bool {
			return len(t.Namespaces) > 0 || t.NamespaceSelector != nil
		})
	}
	return false
}

// affinityTerms returns all wishes of a pod about the company of other pods.
func affinityTerms(pod *corev1.Pod) []corev1.PodAffinityTerm {
	var terms []corev1.PodAffinityTerm
	add := func(required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) {
		terms = append(terms, required...)
		for _, p := range preferred {
			terms = append(terms, p.PodAffinityTerm)
		}
	}
	if affinity := pod.Spec.Affinity; affinity != nil {
		if a := affinity.PodAffinity; a != nil {
			add(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution)
		}
		if a := affinity.PodAntiAffinity; a != nil {
			add(a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution)
		}
	}
	return terms
}

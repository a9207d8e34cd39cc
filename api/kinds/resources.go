package kinds

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkResources judges what one container asks for and is limited to.
func checkResources(j *judge, r *corev1.ResourceRequirements, path *field.Path) {
	limits, requests := path.Child("limits"), path.Child("requests")
	computing, hugePages := false, false
	look := func(list corev1.ResourceList, path *field.Path) {
		for _, name := range sortedKeys(list) {
			checkContainerResourceName(j, name, path.Key(string(name)))
			checkQuantity(j, name, list[name], path.Key(string(name)))
			computing = computing || name == corev1.ResourceCPU || name == corev1.ResourceMemory
			hugePages = hugePages || isHugePages(name)
		}
	}
	look(r.Limits, limits)
	look(r.Requests, requests)

	for _, name := range sortedKeys(r.Requests) {
		request := r.Requests[name]
		limit, limited := r.Limits[name]
		switch {
		case limited && request.Cmp(limit) != 0 && !canOvercommit(name):
			j.invalid(requests, request.String(), fmt.Sprintf("must be equal to %s limit of %s", name, limit.String()))
		case limited && request.Cmp(limit) > 0:
			j.invalid(requests, request.String(), fmt.Sprintf("must be less than or equal to %s limit of %s", name, limit.String()))
		case !limited && !canOvercommit(name):
			j.required(limits, "Limit must be set for non overcommitable resources")
		}
	}
	if hugePages && !computing {
		j.forbidden(path, "HugePages require cpu or memory")
	}
	j.unsupported(path.Child("claims"), len(r.Claims) > 0)
}

// checkContainerResourceName takes the native names (cpu, memory, ...) and those
// of devices, which have a domain: example.com/gpu.
func checkContainerResourceName(j *judge, name corev1.ResourceName, path *field.Path) {
	messages := validation.IsQualifiedName(string(name))
	j.invalid(path, name, messages...)
	if !strings.Contains(string(name), "/") {
		native := []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage}
		if !slices.Contains(native, name) && !isHugePages(name) {
			if len(messages) == 0 {
				j.invalid(path, name, "must be a standard resource type or fully qualified")
			}
			j.invalid(path, name, "must be a standard resource for containers")
		}
		return
	}
	if len(messages) == 0 && !isNative(name) && !isExtended(name) {
		j.invalid(path, name, "doesn't follow extended resource name standard")
	}
}

func isHugePages(name corev1.ResourceName) bool {
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// isNative says whether Kubernetes itself owns the name.
func isNative(name corev1.ResourceName) bool {
	return !strings.Contains(string(name), "/") || strings.Contains(string(name), corev1.ResourceDefaultNamespacePrefix)
}

// isExtended says whether the name may be that of a device. A quota calls it
// requests.NAME, so that must be a good name too.
func isExtended(name corev1.ResourceName) bool {
	if isNative(name) || strings.HasPrefix(string(name), corev1.DefaultResourceRequestsPrefix) {
		return false
	}
	return len(validation.IsQualifiedName(corev1.DefaultResourceRequestsPrefix+string(name))) == 0
}

// canOvercommit says whether limits may exceed requests: nobody can lend half
// a device.
func canOvercommit(name corev1.ResourceName) bool { return isNative(name) && !isHugePages(name) }

// checkQuantity refuses negative quantities, and fractions of whole things.
func checkQuantity(j *judge, name corev1.ResourceName, q resource.Quantity, path *field.Path) {
	j.notNegativeQuantity(path, q)
	whole := name == corev1.ResourcePods || name == corev1.ResourceServices || isExtended(name)
	if whole && q.MilliValue()%1000 != 0 {
		j.invalid(path, q.String(), "must be an integer")
	}
	if isHugePages(name) {
		checkHugePages(j, name, q, path)
	}
}

func checkHugePages(j *judge, name corev1.ResourceName, q resource.Quantity, path *field.Path) {
	size, err := resource.ParseQuantity(strings.TrimPrefix(string(name), corev1.ResourceHugePagesPrefix))
	switch {
	case err != nil || size.Value() <= 0:
		j.invalid(path, name, "must name a page size, such as hugepages-2Mi")
	case q.Value()%size.Value() != 0:
		j.invalid(path, q.String(), fmt.Sprintf("%s is not positive integer multiple of %s", q.String(), name))
	}
}

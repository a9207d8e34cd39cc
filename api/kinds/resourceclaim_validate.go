package kinds

import (
	"fmt"
	"slices"
	"strings"

	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkDeviceClaim(j *judge, c *resourcev1.DeviceClaim, path *field.Path) {
	names := requestNames(c)
	if at := path.Child("requests"); atMost(j, len(c.Requests), resourcev1.DeviceRequestsMaxSize, at) {
		for i := range c.Requests {
			checkDeviceRequest(j, &c.Requests[i], at.Index(i))
		}
		uniqueLater(j, c.Requests, at, func(r resourcev1.DeviceRequest) string { return r.Name })
	}
	if at := path.Child("constraints"); atMost(j, len(c.Constraints), resourcev1.DeviceConstraintsMaxSize, at) {
		for i := range c.Constraints {
			checkDeviceConstraint(j, &c.Constraints[i], names, at.Index(i))
		}
	}
	if at := path.Child("config"); atMost(j, len(c.Config), resourcev1.DeviceConfigMaxSize, at) {
		for i := range c.Config {
			checkRequestRefs(j, c.Config[i].Requests, names, at.Index(i).Child("requests"))
			checkDeviceConfig(j, c.Config[i].Opaque, at.Index(i))
		}
	}
}

// requestNames are the names by which the rest of a claim refers to its
// requests: "gpu", and "gpu/small" for one of several to choose from.
func requestNames(c *resourcev1.DeviceClaim) []string {
	var names []string
	for _, r := range c.Requests {
		names = append(names, r.Name)
		for _, sub := range r.FirstAvailable {
			names = append(names, r.Name+"/"+sub.Name)
		}
	}
	return names
}

func checkDeviceRequest(j *judge, r *resourcev1.DeviceRequest, path *field.Path) {
	j.label(path.Child("name"), r.Name)
	const one = "exactly one of `exactly` or `firstAvailable` is required"
	switch several := len(r.FirstAvailable) > 0; {
	case r.Exactly == nil && !several:
		j.required(path, one)
	case r.Exactly != nil && several:
		j.invalid(path, nil, one+", but multiple fields are set")
	case r.Exactly != nil:
		e, at := r.Exactly, path.Child("exactly")
		checkDeviceClassName(j, e.DeviceClassName, at.Child("deviceClassName"))
		checkDeviceSelectors(j, e.Selectors, at.Child("selectors"))
		checkDeviceCount(j, e.AllocationMode, e.Count, at)
		checkDeviceTolerations(j, e.Tolerations, at.Child("tolerations"))
	default:
		checkSubRequests(j, r.FirstAvailable, path.Child("firstAvailable"))
	}
}

func checkSubRequests(j *judge, requests []resourcev1.DeviceSubRequest, path *field.Path) {
	if !atMost(j, len(requests), resourcev1.FirstAvailableDeviceRequestMaxSize, path) {
		return
	}
	for i, r := range requests {
		at := path.Index(i)
		j.label(at.Child("name"), r.Name)
		j.later(func(j *judge) { checkDeviceClassName(j, r.DeviceClassName, at.Child("deviceClassName")) })
		checkDeviceSelectors(j, r.Selectors, at.Child("selectors"))
		checkDeviceCount(j, r.AllocationMode, r.Count, at)
		checkDeviceTolerations(j, r.Tolerations, at.Child("tolerations"))
	}
	uniqueLater(j, requests, path, func(r resourcev1.DeviceSubRequest) string { return r.Name })
}

// uniqueLater reports those of a list that have the key of one before.
func uniqueLater[T any, K comparable](j *judge, list []T, path *field.Path, key func(T) K) {
	seen := map[K]bool{}
	for i, item := range list {
		if seen[key(item)] {
			j.last = append(j.last, field.Duplicate(path.Index(i), item))
		}
		seen[key(item)] = true
	}
}

func checkDeviceClassName(j *judge, name string, path *field.Path) {
	if j.filled(path, name) {
		j.subdomain(path, name)
	}
}

func checkDeviceCount(j *judge, mode resourcev1.DeviceAllocationMode, count int64, path *field.Path) {
	switch mode {
	case resourcev1.DeviceAllocationModeAll:
		if count != 0 {
			j.invalid(path.Child("count"), count, fmt.Sprintf("must not be specified when allocationMode is '%s'", mode))
		}
	case resourcev1.DeviceAllocationModeExactCount:
		if count <= 0 {
			j.invalid(path.Child("count"), count, "must be greater than zero")
		}
	default:
		j.later(func(j *judge) {
			supported(j, path.Child("allocationMode"), mode, resourcev1.DeviceAllocationModeAll, resourcev1.DeviceAllocationModeExactCount)
		})
	}
}

func checkDeviceConstraint(j *judge, c *resourcev1.DeviceConstraint, names []string, path *field.Path) {
	checkRequestRefs(j, c.Requests, names, path.Child("requests"))
	switch {
	case c.MatchAttribute != nil:
		j.later(func(j *judge) { checkFullName(j, string(*c.MatchAttribute), path.Child("matchAttribute")) })
	case c.DistinctAttribute != nil:
		j.later(func(j *judge) { checkFullName(j, string(*c.DistinctAttribute), path.Child("distinctAttribute")) })
	default:
		j.required(path, `exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set`)
	}
}

func checkRequestRefs(j *judge, refs, names []string, path *field.Path) {
	if !atMost(j, len(refs), resourcev1.DeviceRequestsMaxSize, path) {
		return
	}
	for i, ref := range refs {
		checkRequestRef(j, ref, names, path.Index(i))
		if slices.Contains(refs[:i], ref) {
			j.later(func(j *judge) { j.duplicate(path.Index(i), ref) })
		}
	}
}

func checkRequestRef(j *judge, ref string, names []string, path *field.Path) {
	const detail = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
	parts := strings.Split(ref, "/")
	if len(parts) > 2 {
		j.invalid(path, ref, detail)
		return
	}
	for _, part := range parts {
		j.label(path, part)
	}
	if !slices.Contains(names, ref) {
		j.invalid(path, ref, detail)
	}
}

package kinds

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkResourceSlice(j *judge, s *resourcev1.ResourceSlice) {
	spec, path := &s.Spec, field.NewPath("spec")
	checkDriverName(j, spec.Driver, path.Child("driver"))
	checkPoolName(j, spec.Pool.Name, path.Child("pool", "name"))
	if spec.Pool.ResourceSliceCount <= 0 {
		j.invalid(path.Child("pool", "resourceSliceCount"), spec.Pool.ResourceSliceCount, "must be greater than zero")
	}
	if spec.Pool.Generation < 0 {
		j.invalid(path.Child("pool", "generation"), spec.Pool.Generation, "must be greater than or equal to zero")
	}
	checkSlicePlace(j, spec, path)
	if spec.SharedCounters != nil && spec.Devices != nil {
		j.invalid(path, "", "only one of `sharedCounters` or `devices` is allowed")
	}
	most := resourcev1.ResourceSliceMaxDevices
	for _, d := range spec.Devices {
		if len(d.Taints)+len(d.ConsumesCounters) > 0 {
			most = resourcev1.ResourceSliceMaxDevicesWithAdvancedFeatures
		}
	}
	if at := path.Child("devices"); len(spec.Devices) > most {
		j.tooMany(at, len(spec.Devices), most)
	} else {
		names := nameSet{}
		perDevice := spec.PerDeviceNodeSelection != nil && *spec.PerDeviceNodeSelection
		for i := range spec.Devices {
			checkDevice(j, &spec.Devices[i], perDevice, at.Index(i))
		}
		for i, d := range spec.Devices {
			names.unique(j, at.Index(i), d.Name)
		}
	}
	if at := path.Child("sharedCounters"); atMost(j, len(spec.SharedCounters), resourcev1.ResourceSliceMaxCounterSets, at) {
		for i, c := range spec.SharedCounters {
			checkCounters(j, "name", c.Name, c.Counters, at.Index(i))
		}
		uniqueLater(j, spec.SharedCounters, at, func(c resourcev1.CounterSet) string { return c.Name })
	}
}

func checkResourceSliceUpdate(j *judge, s, old *resourcev1.ResourceSlice) {
	path := field.NewPath("spec")
	j.unchanged(path.Child("pool", "name"), s.Spec.Pool.Name, old.Spec.Pool.Name)
	j.unchanged(path.Child("driver"), s.Spec.Driver, old.Spec.Driver)
	j.unchanged(path.Child("nodeName"), s.Spec.NodeName, old.Spec.NodeName)
}

// A place is a way to say on which nodes a device is, one of several.
type place struct {
	name  string
	given bool
}

func placesGiven(places []place) []string {
	var given []string
	for _, p := range places {
		if p.given {
			given = append(given, "`"+p.name+"`")
		}
	}
	return given
}

// checkSlicePlace asks for exactly one way.
func checkSlicePlace(j *judge, spec *resourcev1.ResourceSliceSpec, path *field.Path) {
	places := checkPlaces(j, spec.NodeName, spec.NodeSelector, spec.AllNodes, "must be either unset or set to a non-empty string", path)
	if s := spec.NodeSelector; s != nil && len(s.NodeSelectorTerms) != 1 {
		j.invalid(path.Child("nodeSelector", "nodeSelectorTerms"), s.NodeSelectorTerms, "must have exactly one node selector term")
	}
	places = append(places, place{"perDeviceNodeSelection", checkTrue(j, spec.PerDeviceNodeSelection, path.Child("perDeviceNodeSelection"))})
	const one = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
	switch given := placesGiven(places); len(given) {
	case 0:
		j.required(path, one)
	case 1:
	default:
		j.invalid(path, "{"+strings.Join(given, ", ")+"}", one+", but multiple fields are set")
	}
}

func checkPlaces(j *judge, node *string, selector *corev1.NodeSelector, all *bool, empty string, path *field.Path) []place {
	if node != nil {
		if *node == "" {
			j.invalid(path.Child("nodeName"), *node, empty)
		} else {
			j.subdomain(path.Child("nodeName"), *node)
		}
	}
	if selector != nil {
		checkNodeSelector(j, selector, path.Child("nodeSelector"))
	}
	return []place{
		{"nodeName", node != nil && *node != ""},
		{"nodeSelector", selector != nil},
		{"allNodes", checkTrue(j, all, path.Child("allNodes"))},
	}
}

// checkTrue judges a flag that is true or not there, and returns it.
func checkTrue(j *judge, flag *bool, path *field.Path) bool {
	if flag != nil && !*flag {
		j.invalid(path, *flag, "must be either unset or set to true")
	}
	return flag != nil && *flag
}

func checkDevice(j *judge, d *resourcev1.Device, perDevice bool, path *field.Path) {
	j.label(path.Child("name"), d.Name)
	if n := len(d.Attributes) + len(d.Capacity); n > resourcev1.ResourceSliceMaxAttributesAndCapacitiesPerDevice {
		j.invalid(path, n, fmt.Sprintf("the total number of attributes and capacities must not exceed %d", resourcev1.ResourceSliceMaxAttributesAndCapacitiesPerDevice))
	}
	for _, name := range sortedKeys(d.Attributes) {
		checkAttributeName(j, string(name), path.Child("attributes"))
		checkAttribute(j, d.Attributes[name], path.Child("attributes").Key(string(name)))
	}
	many := d.AllowMultipleAllocations != nil && *d.AllowMultipleAllocations
	for _, name := range sortedKeys(d.Capacity) {
		checkAttributeName(j, string(name), path.Child("capacity"))
		if policy := d.Capacity[name].RequestPolicy; policy != nil && !many {
			j.forbidden(path.Child("capacity").Key(string(name)).Child("requestPolicy"), "allowMultipleAllocations must be true")
		}
	}
	if at := path.Child("taints"); len(d.Taints) > resourcev1.DeviceTaintsMaxLength {
		j.tooMany(at, len(d.Taints), resourcev1.DeviceTaintsMaxLength)
	} else {
		for i := range d.Taints {
			checkDeviceTaint(j, &d.Taints[i], at.Index(i))
		}
	}
	if at := path.Child("consumesCounters"); atMost(j, len(d.ConsumesCounters), resourcev1.ResourceSliceMaxDeviceCounterConsumptionsPerDevice, at) {
		for i, c := range d.ConsumesCounters {
			checkCounters(j, "counterSet", c.CounterSet, c.Counters, at.Index(i))
		}
		uniqueLater(j, d.ConsumesCounters, at, func(c resourcev1.DeviceCounterConsumption) string { return c.CounterSet })
	}
	checkDevicePlace(j, d, perDevice, path)
	checkBindingConditions(j, d.BindingConditions, d.BindingFailureConditions, path)
}

func checkDevicePlace(j *judge, d *resourcev1.Device, perDevice bool, path *field.Path) {
	if !perDevice {
		if d.NodeName != nil || d.NodeSelector != nil || d.AllNodes != nil {
			j.invalid(path, nil, "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec")
		}
		return
	}
	const one = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec"
	switch given := placesGiven(checkPlaces(j, d.NodeName, d.NodeSelector, d.AllNodes, "must not be empty", path)); len(given) {
	case 0:
		j.required(path, one)
	case 1:
	default:
		j.invalid(path, "{"+strings.Join(given, ", ")+"}", one)
	}
}

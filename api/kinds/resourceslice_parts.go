package kinds

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	resourcev1 "k8s.io/api/resource/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// semantic is a version as https://semver.org has it.
var semantic = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
	`(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?` +
	`(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$`)

// checkAttribute: an attribute has one value, of one of several types.
func checkAttribute(j *judge, a resourcev1.DeviceAttribute, path *field.Path) {
	const most = resourcev1.DeviceAttributeMaxValueLength
	version := func(value string, path *field.Path) {
		if !semantic.MatchString(value) {
			j.invalid(path, value, "must be a string compatible with semver.org spec 2.0.0")
		}
		if len(value) > most {
			j.tooLong(path, most)
		}
	}
	if a.StringValue != nil && len(*a.StringValue) > most {
		j.tooLong(path.Child("string"), most)
	}
	if a.VersionValue != nil {
		version(*a.VersionValue, path.Child("version"))
	}
	for i, v := range a.VersionValues {
		version(v, path.Child("versions").Index(i))
	}
	var given []string
	all := []string{"int", "bool", "string", "version", "ints", "bools", "strings", "versions"}
	for i, is := range []bool{
		a.IntValue != nil, a.BoolValue != nil, a.StringValue != nil, a.VersionValue != nil,
		a.IntValues != nil, a.BoolValues != nil, a.StringValues != nil, a.VersionValues != nil,
	} {
		if is {
			given = append(given, all[i])
		}
	}
	names := "`" + strings.Join(all, "`, `") + "`"
	switch len(given) {
	case 0:
		j.last = append(j.last, field.Invalid(path, "", "must specify one of: "+names))
	case 1:
	default:
		j.last = append(j.last, field.Invalid(path, "{"+strings.Join(given, ", ")+"}", "must specify exactly one of: "+names))
	}
}

// checkCounters judges a set of counters, or what a device uses up of one.
func checkCounters(j *judge, name, set string, counters map[string]resourcev1.Counter, path *field.Path) {
	j.later(func(j *judge) {
		if j.filled(path.Child(name), set) {
			j.label(path.Child(name), set)
		}
		if len(counters) == 0 {
			j.required(path.Child("counters"), "")
		}
		for _, counter := range sortedKeys(counters) {
			j.label(path.Child("counters"), counter)
		}
	})
	if len(counters) > resourcev1.ResourceSliceMaxCountersPerCounterSet {
		j.tooMany(path.Child("counters"), len(counters), resourcev1.ResourceSliceMaxCountersPerCounterSet)
	}
}

// checkBindingConditions judges for what a pod has to wait before it is bound: a
// device that has to be made ready says how that shows, and how it shows that it
// went wrong.
func checkBindingConditions(j *judge, ready, failed []string, path *field.Path) {
	readyPath, failedPath := path.Child("bindingConditions"), path.Child("bindingFailureConditions")
	for _, list := range []struct {
		names []string
		most  int
		path  *field.Path
	}{{ready, resourcev1.BindingConditionsMaxSize, readyPath}, {failed, resourcev1.BindingFailureConditionsMaxSize, failedPath}} {
		if atMost(j, len(list.names), list.most, list.path) {
			for i, name := range list.names {
				j.add(metavalidation.ValidateLabelName(name, list.path.Index(i)))
			}
		}
	}
	for i, name := range ready {
		if slices.Contains(ready[:i], name) {
			j.duplicate(readyPath.Index(i), name)
		}
	}
	for i, name := range failed {
		if slices.Contains(failed[:i], name) {
			j.duplicate(failedPath.Index(i), name)
		}
		if slices.Contains(ready, name) {
			j.invalid(failedPath.Index(i), name, "bindingFailureConditions must not overlap with bindingConditions")
		}
	}
	need := func(one, other []string, path *field.Path, name, otherName string) {
		if len(one) == 0 && len(other) > 0 {
			j.invalid(path, one, fmt.Sprintf("%s are required to use %s", name, otherName))
		}
	}
	need(ready, failed, readyPath, "bindingConditions", "bindingFailureConditions")
	need(failed, ready, failedPath, "bindingFailureConditions", "bindingConditions")
}

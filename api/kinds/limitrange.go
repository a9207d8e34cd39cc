package kinds

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func limitRanges() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("LimitRange"),
		Plural:           "limitranges",
		Singular:         "limitrange",
		ShortNames:       []string{"limits"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.LimitRange{} },
		NewList:          func() runtime.Object { return &corev1.LimitRangeList{} },
		Default:          api.Do(defaultLimitRange),
		Validate:         rule(checkLimitRange),
		CreateOnUpdate:   true,
		Columns:          createdAtColumns(),
	}
}

// defaultLimitRange: a container that does not say what it needs gets, of what is
// given, the most: its limit is the maximum, its request the limit.
func defaultLimitRange(l *corev1.LimitRange) {
	for i := range l.Spec.Limits {
		item := &l.Spec.Limits[i]
		if item.Type == corev1.LimitTypeContainer {
			fillFrom(&item.Default, item.Max)
			fillFrom(&item.DefaultRequest, item.Default)
			fillFrom(&item.DefaultRequest, item.Min)
		}
		for _, list := range []corev1.ResourceList{item.Max, item.Min, item.Default, item.DefaultRequest, item.MaxLimitRequestRatio} {
			roundResources(list)
		}
	}
}

// fillFrom adds to a list what it lacks of another, and makes it one that is
// there, however empty.
func fillFrom(list *corev1.ResourceList, from corev1.ResourceList) {
	if *list == nil {
		*list = corev1.ResourceList{}
	}
	for name, q := range from {
		if _, there := (*list)[name]; !there {
			(*list)[name] = q.DeepCopy()
		}
	}
}

func checkLimitRange(j *judge, l *corev1.LimitRange) {
	path, types := field.NewPath("spec", "limits"), map[corev1.LimitType]bool{}
	for i := range l.Spec.Limits {
		item, at := &l.Spec.Limits[i], path.Index(i)
		checkLimitType(j, item.Type, at.Child("type"))
		if types[item.Type] {
			j.duplicate(at.Child("type"), item.Type)
		}
		types[item.Type] = true
		checkLimitNames(j, item, at)
		checkLimits(j, item, at)
	}
}

func checkLimitType(j *judge, kind corev1.LimitType, path *field.Path) {
	messages := validation.IsQualifiedName(string(kind))
	switch {
	case len(messages) > 0:
		j.invalid(path, kind, messages...)
	case kind == corev1.LimitTypePod, kind == corev1.LimitTypeContainer, kind == corev1.LimitTypePersistentVolumeClaim:
	case isNative(corev1.ResourceName(kind)):
		j.invalid(path, kind, "must be a standard limit type or fully qualified")
	}
}

func checkLimitNames(j *judge, item *corev1.LimitRangeItem, path *field.Path) {
	look := func(name string, list corev1.ResourceList) {
		for _, resource := range sortedKeys(list) {
			at := path.Child(name).Key(string(resource))
			if item.Type == corev1.LimitTypePod || item.Type == corev1.LimitTypeContainer {
				checkContainerResourceName(j, resource, at)
			} else {
				checkResourceName(j, resource, at)
			}
		}
	}
	look("max", item.Max)
	look("min", item.Min)
	if item.Type == corev1.LimitTypePod {
		if len(item.Default) > 0 {
			j.forbidden(path.Child("default"), "may not be specified when `type` is 'Pod'")
		}
		if len(item.DefaultRequest) > 0 {
			j.forbidden(path.Child("defaultRequest"), "may not be specified when `type` is 'Pod'")
		}
	} else {
		look("default", item.Default)
		look("defaultRequest", item.DefaultRequest)
	}
	if item.Type == corev1.LimitTypePersistentVolumeClaim {
		_, least := item.Min[corev1.ResourceStorage]
		_, most := item.Max[corev1.ResourceStorage]
		if !least && !most {
			j.required(path.Child("limits"), "either minimum or maximum storage value is required, but neither was provided")
		}
	}
	look("maxLimitRequestRatio", item.MaxLimitRequestRatio)
}

// checkLimits sees that least, usual and most are in this order.
func checkLimits(j *judge, item *corev1.LimitRangeItem, path *field.Path) {
	all := corev1.ResourceList{}
	for _, list := range []corev1.ResourceList{item.Max, item.Min, item.MaxLimitRequestRatio, item.Default, item.DefaultRequest} {
		maps.Copy(all, list)
	}
	usual, asked := item.Default, item.DefaultRequest
	if item.Type == corev1.LimitTypePod {
		usual, asked = nil, nil
	}
	for _, name := range sortedKeys(all) {
		at := func(part string) *field.Path { return path.Child(part).Key(string(name)) }
		inOrder := func(low, high corev1.ResourceList, where *field.Path, blame corev1.ResourceList, lowName, highName string) {
			l, hasLow := low[name]
			h, hasHigh := high[name]
			if hasLow && hasHigh && l.Cmp(h) > 0 {
				j.invalid(where, blame[name], fmt.Sprintf("%s %s is greater than %s %s", lowName, l.String(), highName, h.String()))
			}
		}
		inOrder(item.Min, item.Max, at("min"), item.Min, "min value", "max value")
		inOrder(item.Min, asked, at("defaultRequest"), asked, "min value", "default request value")
		inOrder(asked, item.Max, at("defaultRequest"), asked, "default request value", "max value")
		inOrder(asked, usual, at("defaultRequest"), asked, "default request value", "default limit value")
		inOrder(item.Min, usual, at("default"), item.Min, "min value", "default value")
		inOrder(usual, item.Max, at("default"), item.Max, "default value", "max value")
		checkRatio(j, item, name, at("maxLimitRequestRatio"))
		d, hasDefault := usual[name]
		r, hasRequest := asked[name]
		if !canOvercommit(name) && hasDefault && hasRequest && d.Cmp(r) != 0 {
			j.invalid(at("defaultRequest"), r, fmt.Sprintf("default value %s must equal to defaultRequest value %s in %s", d.String(), r.String(), name))
		}
	}
}

// checkRatio: how many times a container's limit may be its request.
func checkRatio(j *judge, item *corev1.LimitRangeItem, name corev1.ResourceName, path *field.Path) {
	ratio, given := item.MaxLimitRequestRatio[name]
	if !given {
		return
	}
	if ratio.Cmp(resource.MustParse("1")) < 0 {
		j.invalid(path, ratio, fmt.Sprintf("ratio %s is less than 1", ratio.String()))
	}
	least, hasMin := item.Min[name]
	most, hasMax := item.Max[name]
	if !hasMin || !hasMax {
		return
	}
	if widest := most.AsApproximateFloat64() / least.AsApproximateFloat64(); ratio.AsApproximateFloat64() > widest {
		j.invalid(path, ratio, fmt.Sprintf("ratio %s is greater than max/min = %f", ratio.String(), widest))
	}
}

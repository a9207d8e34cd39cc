package kinds

import (
	"time"

	resourcev1 "k8s.io/api/resource/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// Devices are what nodes have besides CPU and memory. Drivers write down which
// there are (resourceslice.go), pods claim some (resourceclaim.go); a class says
// what sorts of them there are, and a taint rule which are to be left alone. The
// server keeps these objects; to give devices out is for a scheduler, and whether
// an expression in a selector means something is first known to it.

func deviceClasses() *api.Resource {
	return &api.Resource{
		GroupVersionKind: resourcev1.SchemeGroupVersion.WithKind("DeviceClass"),
		Plural:           "deviceclasses",
		Singular:         "deviceclass",
		New:              func() api.Object { return &resourcev1.DeviceClass{} },
		NewList:          func() runtime.Object { return &resourcev1.DeviceClassList{} },
		Validate: rule(func(j *judge, c *resourcev1.DeviceClass) {
			path := field.NewPath("spec")
			checkDeviceSelectors(j, c.Spec.Selectors, path.Child("selectors"))
			if config := path.Child("config"); atMost(j, len(c.Spec.Config), resourcev1.DeviceConfigMaxSize, config) {
				for i, one := range c.Spec.Config {
					checkDeviceConfig(j, one.Opaque, config.Index(i))
				}
			}
			if name := c.Spec.ExtendedResourceName; name != nil && !isExtendedName(*name) {
				j.later(func(j *judge) { j.invalid(path.Child("extendedResourceName"), *name, extendedNameProblems(*name)...) })
			}
		}),
		Generation:          true,
		DeleteReturnsObject: true,
		Columns:             table(api.AgeColumn()),
	}
}

// atMost says whether there are no more than some number of things, and reports
// if there are.
func atMost(j *judge, n, most int, path *field.Path) bool {
	if n > most {
		j.last = append(j.last, field.TooMany(path, n, most))
	}
	return n <= most
}

func checkDeviceSelectors(j *judge, selectors []resourcev1.DeviceSelector, path *field.Path) {
	if !atMost(j, len(selectors), resourcev1.DeviceSelectorsMaxSize, path) {
		return
	}
	for i, s := range selectors {
		if s.CEL == nil {
			j.required(path.Index(i).Child("cel"), "")
		} else if len(s.CEL.Expression) > resourcev1.CELSelectorExpressionMaxLength {
			j.tooLong(path.Index(i).Child("cel", "expression"), resourcev1.CELSelectorExpressionMaxLength)
		}
	}
}

func checkDeviceConfig(j *judge, opaque *resourcev1.OpaqueDeviceConfiguration, path *field.Path) {
	if opaque == nil {
		j.required(path.Child("opaque"), "")
		return
	}
	j.later(func(j *judge) { checkAttachedName(j, opaque.Driver, path.Child("opaque", "driver")) })
	checkRaw(j, opaque.Parameters.Raw, resourcev1.OpaqueParametersMaxLength, path.Child("opaque", "parameters"))
}

func deviceTaintRules() *api.Resource {
	type taintRule = *resourcev1.DeviceTaintRule
	doc := resourcev1.DeviceTaint{}.SwaggerDoc()
	return &api.Resource{
		GroupVersionKind: resourcev1.SchemeGroupVersion.WithKind("DeviceTaintRule"),
		Plural:           "devicetaintrules",
		Singular:         "devicetaintrule",
		New:              func() api.Object { return &resourcev1.DeviceTaintRule{} },
		NewList:          func() runtime.Object { return &resourcev1.DeviceTaintRuleList{} },
		Default:          api.Do(func(r taintRule) { defaultDeviceTaint(&r.Spec.Taint) }),
		PrepareUpdate: api.Pair(func(r, old taintRule) {
			// A new effect is new from now on, unless the client says since when.
			now, was := &r.Spec.Taint, &old.Spec.Taint
			if now.Effect != was.Effect && now.TimeAdded.Equal(was.TimeAdded) {
				now.TimeAdded = nil
				defaultDeviceTaint(now)
			}
		}),
		Validate: rule(func(j *judge, r taintRule) {
			if s, path := r.Spec.DeviceSelector, field.NewPath("spec", "deviceSelector"); s != nil {
				if s.Driver != nil {
					checkDriverName(j, *s.Driver, path.Child("driver"))
				}
				if s.Pool != nil {
					checkPoolName(j, *s.Pool, path.Child("pool"))
				}
				if s.Device != nil {
					j.label(path.Child("device"), *s.Device)
				}
			}
			checkDeviceTaint(j, &r.Spec.Taint, field.NewPath("spec", "taint"))
		}),
		ValidateStatus: pairRule(func(j *judge, r, _ taintRule) {
			path := field.NewPath("status", "conditions")
			j.add(metavalidation.ValidateConditions(r.Status.Conditions, path))
			atMost(j, len(r.Status.Conditions), resourcev1.DeviceTaintRuleStatusMaxConditions, path)
		}),
		CopyStatus:            api.Pair(func(dst, src taintRule) { dst.Status = src.Status }),
		StatusAlone:           true,
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns: table(
			text("Key", doc["key"], func(r taintRule) string { return r.Spec.Taint.Key }),
			text("Value", doc["value"], func(r taintRule) string { return r.Spec.Taint.Value }),
			text("Effect", doc["effect"], func(r taintRule) string { return string(r.Spec.Taint.Effect) }),
			text("TimeAdded", doc["timeAdded"], func(r taintRule) string {
				if r.Spec.Taint.TimeAdded == nil {
					return unknown
				}
				return api.Age(*r.Spec.Taint.TimeAdded)
			}),
			api.AgeColumn(),
		),
	}
}

func defaultDeviceTaint(t *resourcev1.DeviceTaint) {
	setDefaultPtr(&t.TimeAdded, metav1.Time{Time: time.Now().Truncate(time.Second)})
}

func checkDeviceTaint(j *judge, t *resourcev1.DeviceTaint, path *field.Path) {
	j.add(metavalidation.ValidateLabelName(t.Key, path.Child("key")))
	if t.Value != "" {
		checkLabelValue(j, t.Value, path.Child("value"))
	}
	j.later(func(j *judge) {
		oneOf(j, path.Child("effect"), t.Effect, deviceEffects()...)
	})
}

func deviceEffects() []resourcev1.DeviceTaintEffect {
	return []resourcev1.DeviceTaintEffect{resourcev1.DeviceTaintEffectNoExecute, resourcev1.DeviceTaintEffectNoSchedule, resourcev1.DeviceTaintEffectNone}
}

func checkDeviceTolerations(j *judge, tolerations []resourcev1.DeviceToleration, path *field.Path) {
	for i, t := range tolerations {
		at := path.Index(i)
		if t.Key != "" {
			j.later(func(j *judge) { j.add(metavalidation.ValidateLabelName(t.Key, at.Child("key"))) })
		}
		switch t.Operator {
		case resourcev1.DeviceTolerationOpExists:
			if t.Value != "" {
				j.invalid(at.Child("value"), t.Value, "must be empty for operator `Exists`")
			}
		case resourcev1.DeviceTolerationOpEqual:
			checkLabelValue(j, t.Value, at.Child("value"))
		default:
			j.later(func(j *judge) {
				oneOf(j, at.Child("operator"), t.Operator, resourcev1.DeviceTolerationOpEqual, resourcev1.DeviceTolerationOpExists)
			})
		}
		j.later(func(j *judge) { emptyOrOneOf(j, at.Child("effect"), t.Effect, deviceEffects()...) })
	}
}

package kinds

import (
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// How far back an autoscaler may look, in seconds.
const (
	maxScalingPeriod       = 1800
	maxStabilizationWindow = 3600
)

// checkAutoscaler judges an autoscaler to be created or, where there is an old one,
// to replace it: that may have a target of a kind that today would be refused.
func checkAutoscaler(j *judge, h, old *autoscalingv2.HorizontalPodAutoscaler) {
	spec, at := &h.Spec, field.NewPath("spec")
	j.later(func(j *judge) {
		if spec.MinReplicas != nil && *spec.MinReplicas < 0 {
			j.invalid(at.Child("minReplicas"), *spec.MinReplicas, "must be greater than or equal to 0")
		}
		switch {
		case spec.MaxReplicas == 0:
			j.required(at.Child("maxReplicas"), "")
		case spec.MaxReplicas < 0:
			j.invalid(at.Child("maxReplicas"), spec.MaxReplicas, "must be greater than or equal to 1")
		}
	})
	if spec.MinReplicas != nil && spec.MaxReplicas < *spec.MinReplicas {
		j.invalid(at.Child("maxReplicas"), spec.MaxReplicas, "must be greater than or equal to `minReplicas`")
	}
	target := at.Child("scaleTargetRef")
	checkScaled(j, spec.ScaleTargetRef, target)
	if was := targetOf(old); old == nil || was.APIVersion != spec.ScaleTargetRef.APIVersion || was.Kind != spec.ScaleTargetRef.Kind {
		checkTargetVersion(j, spec.ScaleTargetRef, target, spec.ScaleTargetRef.Kind != "ReplicationController")
	}
	for i := range spec.Metrics {
		checkMetric(j, &spec.Metrics[i], at.Child("metrics").Index(i))
	}
	outside := func(m autoscalingv2.MetricSpec) bool {
		return m.Type == autoscalingv2.ObjectMetricSourceType || m.Type == autoscalingv2.ExternalMetricSourceType
	}
	if spec.MinReplicas != nil && *spec.MinReplicas == 0 && !slices.ContainsFunc(spec.Metrics, outside) {
		j.forbidden(at.Child("metrics"), "must specify at least one Object or External metric to support scaling to zero replicas")
	}
	if spec.Behavior != nil {
		checkScalingRules(j, spec.Behavior.ScaleUp, at.Child("behavior", "scaleUp"))
		checkScalingRules(j, spec.Behavior.ScaleDown, at.Child("behavior", "scaleDown"))
	}
}

func targetOf(h *autoscalingv2.HorizontalPodAutoscaler) autoscalingv2.CrossVersionObjectReference {
	if h == nil {
		return autoscalingv2.CrossVersionObjectReference{}
	}
	return h.Spec.ScaleTargetRef
}

func checkScaled(j *judge, ref autoscalingv2.CrossVersionObjectReference, at *field.Path) {
	segment := func(name, value string) {
		if j.filled(at.Child(name), value) {
			j.invalid(at.Child(name), value, content.IsPathSegmentName(value)...)
		}
	}
	segment("kind", ref.Kind)
	segment("name", ref.Name)
}

// checkTargetVersion judges the version of an object, which may be of the core
// group or not.
func checkTargetVersion(j *judge, ref autoscalingv2.CrossVersionObjectReference, at *field.Path, needsGroup bool) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	switch {
	case err != nil:
		j.invalid(at.Child("apiVersion"), ref.APIVersion, err.Error())
	case needsGroup && gv.Group == "":
		j.invalid(at.Child("apiVersion"), ref.APIVersion, "apiVersion must specify API group")
	}
}

// checkMetric sees that the metric's source is the one its type names.
func checkMetric(j *judge, m *autoscalingv2.MetricSpec, at *field.Path) {
	if m.Type == "" {
		j.required(at.Child("type"), "must specify a metric source type")
		return
	}
	sources := map[autoscalingv2.MetricSourceType]struct {
		name  string
		given bool
	}{
		autoscalingv2.ObjectMetricSourceType:            {"object", m.Object != nil},
		autoscalingv2.PodsMetricSourceType:              {"pods", m.Pods != nil},
		autoscalingv2.ResourceMetricSourceType:          {"resource", m.Resource != nil},
		autoscalingv2.ExternalMetricSourceType:          {"external", m.External != nil},
		autoscalingv2.ContainerResourceMetricSourceType: {"containerResource", m.ContainerResource != nil},
	}
	supported(j, at.Child("type"), m.Type, sortedKeys(sources)...)
	for _, kind := range sortedKeys(sources) {
		switch source := sources[kind]; {
		case kind == m.Type && !source.given:
			j.required(at.Child(source.name), "must populate information for the given metric source")
		case kind != m.Type && source.given:
			j.forbidden(at.Child(source.name), "must populate the given metric source only")
		}
	}
	checkMetricSource(j, m, at)
}

func checkMetricSource(j *judge, m *autoscalingv2.MetricSpec, at *field.Path) {
	if r := m.Resource; r != nil {
		at := at.Child("resource")
		if r.Name == "" {
			j.required(at.Child("name"), "must specify a resource name")
		}
		checkTarget(j, r.Target, at.Child("target"))
		checkUtilization(j, r.Target, at.Child("target"))
	}
	if r := m.ContainerResource; r != nil {
		at := at.Child("containerResource")
		if r.Name == "" {
			j.required(at.Child("name"), "must specify a resource name")
		}
		if r.Container == "" {
			j.required(at.Child("container"), "must specify a container")
		}
		checkTarget(j, r.Target, at.Child("target"))
		checkUtilization(j, r.Target, at.Child("target"))
	}
	checkOtherMetric(j, m, at)
}

// checkOtherMetric judges what is not measured in resources.
func checkOtherMetric(j *judge, m *autoscalingv2.MetricSpec, at *field.Path) {
	if p := m.Pods; p != nil {
		at := at.Child("pods")
		checkMetricName(j, p.Metric, at.Child("metric"))
		checkTarget(j, p.Target, at.Child("target"))
		if p.Target.AverageValue == nil || p.Target.AverageValue.Sign() <= 0 {
			j.required(at.Child("target", "averageValue"), "must specify a positive target averageValue")
		}
	}
	if o := m.Object; o != nil {
		at := at.Child("object")
		checkScaled(j, o.DescribedObject, at.Child("describedObject"))
		checkTargetVersion(j, o.DescribedObject, at.Child("describedObject"), false)
		checkMetricName(j, o.Metric, at.Child("metric"))
		checkTarget(j, o.Target, at.Child("target"))
		if o.Target.Value == nil && o.Target.AverageValue == nil {
			j.required(at.Child("target", "averageValue"), "must set either a target value or averageValue")
		}
	}
	if e := m.External; e != nil {
		at := at.Child("external")
		checkMetricName(j, e.Metric, at.Child("metric"))
		checkTarget(j, e.Target, at.Child("target"))
		if e.Target.Value == nil && e.Target.AverageValue == nil {
			j.required(at.Child("target", "averageValue"), "must set either a target value for metric or a per-pod target")
		}
		if e.Target.Value != nil && e.Target.AverageValue != nil {
			j.forbidden(at.Child("target", "value"), "may not set both a target value for metric and a per-pod target")
		}
	}
}

// checkUtilization: a resource is measured in its own unit or in percent of what
// was asked for, not both.
func checkUtilization(j *judge, t autoscalingv2.MetricTarget, at *field.Path) {
	if t.AverageUtilization == nil && t.AverageValue == nil {
		j.required(at.Child("averageUtilization"), "must set either a target raw value or a target utilization")
	}
	if t.AverageUtilization != nil && t.AverageValue != nil {
		j.forbidden(at.Child("averageValue"), "may not set both a target raw value and a target utilization")
	}
}

func checkMetricName(j *judge, m autoscalingv2.MetricIdentifier, at *field.Path) {
	if m.Name == "" {
		j.required(at.Child("name"), "must specify a metric name")
		return
	}
	j.invalid(at.Child("name"), m.Name, content.IsPathSegmentName(m.Name)...)
	checkSelector(j, m.Selector, at.Child("selector"))
}

func checkTarget(j *judge, t autoscalingv2.MetricTarget, at *field.Path) {
	switch t.Type {
	case "":
		j.required(at.Child("type"), "must specify a metric target type")
	case autoscalingv2.UtilizationMetricType, autoscalingv2.ValueMetricType, autoscalingv2.AverageValueMetricType:
	default:
		j.invalid(at.Child("type"), t.Type, "must be either Utilization, Value, or AverageValue")
	}
	if t.Value != nil && t.Value.Sign() <= 0 {
		j.invalid(at.Child("value"), t.Value.String(), "must be positive")
	}
	if t.AverageValue != nil && t.AverageValue.Sign() <= 0 {
		j.invalid(at.Child("averageValue"), t.AverageValue.String(), "must be positive")
	}
	if t.AverageUtilization != nil && *t.AverageUtilization < 1 {
		j.invalid(at.Child("averageUtilization"), *t.AverageUtilization, "must be greater than 0")
	}
}

func checkScalingRules(j *judge, rules *autoscalingv2.HPAScalingRules, at *field.Path) {
	if rules == nil {
		return
	}
	if window := rules.StabilizationWindowSeconds; window != nil {
		switch at := at.Child("stabilizationWindowSeconds"); {
		case *window < 0:
			j.invalid(at, *window, "must be greater than or equal to zero")
		case *window > maxStabilizationWindow:
			j.invalid(at, *window, fmt.Sprintf("must be less than or equal to %v", maxStabilizationWindow))
		}
	}
	if rules.SelectPolicy != nil {
		supported(j, at.Child("selectPolicy"), *rules.SelectPolicy, autoscalingv2.DisabledPolicySelect,
			autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect)
	}
	if len(rules.Policies) == 0 {
		j.required(at.Child("policies"), "must specify at least one Policy")
	}
	for i, policy := range rules.Policies {
		at := at.Child("policies").Index(i)
		supported(j, at.Child("type"), policy.Type, autoscalingv2.PercentScalingPolicy, autoscalingv2.PodsScalingPolicy)
		if policy.Value <= 0 {
			j.invalid(at.Child("value"), policy.Value, "must be greater than zero")
		}
		switch {
		case policy.PeriodSeconds <= 0:
			j.invalid(at.Child("periodSeconds"), policy.PeriodSeconds, "must be greater than zero")
		case policy.PeriodSeconds > maxScalingPeriod:
			j.invalid(at.Child("periodSeconds"), policy.PeriodSeconds, fmt.Sprintf("must be less than or equal to %v", maxScalingPeriod))
		}
	}
	if rules.Tolerance != nil {
		j.notNegativeQuantity(at.Child("tolerance"), *rules.Tolerance)
	}
}

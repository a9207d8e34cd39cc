package kinds

import (
	"encoding/json"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// horizontalPodAutoscalersV1 are the same autoscalers in their first form,
// which knows a share of the CPU and no other metric. What it has no fields for
// it keeps in annotations, which the second form does not have.
func horizontalPodAutoscalersV1() *api.Resource {
	type hpa = *autoscalingv1.HorizontalPodAutoscaler
	first := horizontalPodAutoscalers()
	return &api.Resource{
		GroupVersionKind: autoscalingv1.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
		Plural:           first.Plural,
		Singular:         first.Singular,
		ShortNames:       first.ShortNames,
		Categories:       first.Categories,
		Namespaced:       true,
		New:              func() api.Object { return &autoscalingv1.HorizontalPodAutoscaler{} },
		NewList:          func() runtime.Object { return &autoscalingv1.HorizontalPodAutoscalerList{} },
		Stored: api.Convert(
			func() *autoscalingv2.HorizontalPodAutoscaler { return &autoscalingv2.HorizontalPodAutoscaler{} },
			func(h hpa) (*autoscalingv2.HorizontalPodAutoscaler, error) { return secondAutoscaler(h), nil },
			firstAutoscaler),
		Default:        api.Do(defaultFirstAutoscaler),
		Validate:       rule(func(j *judge, h hpa) { checkAutoscaler(j, secondAutoscaler(h), nil) }),
		ValidateUpdate: pairRule(func(j *judge, h, old hpa) { checkAutoscaler(j, secondAutoscaler(h), secondAutoscaler(old)) }),
		UpdateAlone:    true,
		CopyStatus: api.Pair(func(dst, src hpa) {
			dst.Status = src.Status
			copyAnnotations(dst, src, metricStatusesAnnotation, conditionsAnnotation)
		}),
		PrepareStatus: api.Pair(func(h, old hpa) {
			copyAnnotations(h, old, metricsAnnotation, behaviorAnnotation)
		}),
		Generation: true,
		GenerationChanged: func(obj, old api.Object) bool {
			return !same(secondAutoscaler(obj.(hpa)).Spec, secondAutoscaler(old.(hpa)).Spec)
		},
		Columns: columnsThrough(first.Columns, secondAutoscaler),
	}
}

func defaultFirstAutoscaler(h *autoscalingv1.HorizontalPodAutoscaler) {
	setDefaultPtr(&h.Spec.MinReplicas, 1)
	if len(secondMetrics(h.Annotations[metricsAnnotation])) == 0 {
		setDefaultPtr(&h.Spec.TargetCPUUtilizationPercentage, defaultCPUPercent)
	}
}

// secondAutoscaler is an autoscaler in its second form. An annotation that
// cannot be read says nothing.
func secondAutoscaler(h *autoscalingv1.HorizontalPodAutoscaler) *autoscalingv2.HorizontalPodAutoscaler {
	second := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: h.ObjectMeta}
	second.Annotations = withoutAnnotations(h.Annotations)
	second.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference(h.Spec.ScaleTargetRef),
		MinReplicas:    h.Spec.MinReplicas,
		MaxReplicas:    h.Spec.MaxReplicas,
		Metrics:        secondMetrics(h.Annotations[metricsAnnotation]),
	}
	if share := h.Spec.TargetCPUUtilizationPercentage; share != nil {
		second.Spec.Metrics = append(second.Spec.Metrics, cpuShare(*share))
	}
	if len(second.Spec.Metrics) == 0 {
		second.Spec.Metrics = []autoscalingv2.MetricSpec{cpuShare(defaultCPUPercent)}
	}
	second.Spec.Behavior = readBehavior(h.Annotations[behaviorAnnotation])
	second.Status = autoscalingv2.HorizontalPodAutoscalerStatus{
		ObservedGeneration: h.Status.ObservedGeneration,
		LastScaleTime:      h.Status.LastScaleTime,
		CurrentReplicas:    h.Status.CurrentReplicas,
		DesiredReplicas:    h.Status.DesiredReplicas,
		CurrentMetrics:     secondMetricStatuses(h.Annotations[metricStatusesAnnotation], h.Status.CurrentCPUUtilizationPercentage),
	}
	_ = json.Unmarshal([]byte(h.Annotations[conditionsAnnotation]), &second.Status.Conditions)
	return second
}

// firstAutoscaler is an autoscaler in its first form.
func firstAutoscaler(h *autoscalingv2.HorizontalPodAutoscaler) (*autoscalingv1.HorizontalPodAutoscaler, error) {
	h = h.DeepCopy() // its defaults are those of today
	defaultAutoscaler(h)
	first := &autoscalingv1.HorizontalPodAutoscaler{ObjectMeta: h.ObjectMeta}
	first.Spec = autoscalingv1.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv1.CrossVersionObjectReference(h.Spec.ScaleTargetRef),
		MinReplicas:    h.Spec.MinReplicas,
		MaxReplicas:    h.Spec.MaxReplicas,
	}
	first.Status = autoscalingv1.HorizontalPodAutoscalerStatus{
		ObservedGeneration: h.Status.ObservedGeneration,
		LastScaleTime:      h.Status.LastScaleTime,
		CurrentReplicas:    h.Status.CurrentReplicas,
		DesiredReplicas:    h.Status.DesiredReplicas,
	}
	var others []autoscalingv1.MetricSpec
	for _, m := range h.Spec.Metrics {
		if share := cpuShareOf(m); share == nil {
			others = append(others, firstMetric(m))
		} else if first.Spec.TargetCPUUtilizationPercentage == nil {
			first.Spec.TargetCPUUtilizationPercentage = share
		}
	}
	var measured []autoscalingv1.MetricStatus
	for _, m := range h.Status.CurrentMetrics {
		measured = append(measured, firstMetricStatus(m))
		if m.Type == autoscalingv2.ResourceMetricSourceType && m.Resource != nil && m.Resource.Name == corev1.ResourceCPU &&
			m.Resource.Current.AverageUtilization != nil {
			first.Status.CurrentCPUUtilizationPercentage = m.Resource.Current.AverageUtilization
		}
	}
	kept := map[string]any{}
	if len(others) > 0 {
		kept[metricsAnnotation] = others
	}
	if len(measured) > 0 {
		kept[metricStatusesAnnotation] = measured
	}
	if len(h.Status.Conditions) > 0 {
		kept[conditionsAnnotation] = h.Status.Conditions
	}
	if h.Spec.Behavior != nil {
		kept[behaviorAnnotation] = writeBehavior(h.Spec.Behavior)
	}
	var err error
	first.Annotations, err = annotate(withoutAnnotations(h.Annotations), kept)
	return first, err
}

func cpuShare(percent int32) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{
		Type: autoscalingv2.ResourceMetricSourceType,
		Resource: &autoscalingv2.ResourceMetricSource{
			Name:   corev1.ResourceCPU,
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
		},
	}
}

// cpuShareOf returns the share if the metric is what the first form knows.
func cpuShareOf(m autoscalingv2.MetricSpec) *int32 {
	if m.Type != autoscalingv2.ResourceMetricSourceType || m.Resource == nil || m.Resource.Name != corev1.ResourceCPU {
		return nil
	}
	return m.Resource.Target.AverageUtilization
}

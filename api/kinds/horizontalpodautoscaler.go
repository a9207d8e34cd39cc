package kinds

import (
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func horizontalPodAutoscalers() *api.Resource {
	type hpa = *autoscalingv2.HorizontalPodAutoscaler
	return &api.Resource{
		GroupVersionKind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
		Plural:           "horizontalpodautoscalers",
		Singular:         "horizontalpodautoscaler",
		ShortNames:       []string{"hpa"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
		NewList:          func() runtime.Object { return &autoscalingv2.HorizontalPodAutoscalerList{} },
		Default:          api.Do(defaultAutoscaler),
		Validate:         rule(func(j *judge, h hpa) { checkAutoscaler(j, h, nil) }),
		ValidateUpdate:   pairRule(checkAutoscaler),
		ValidateStatus: pairRule(func(j *judge, h, _ hpa) {
			status := field.NewPath("status")
			j.notNegative(status.Child("currentReplicas"), int64(h.Status.CurrentReplicas))
			j.notNegative(status.Child("desiredReplicas"), int64(h.Status.DesiredReplicas))
		}),
		UpdateAlone: true,
		CopyStatus:  api.Pair(func(dst, src hpa) { dst.Status = src.Status }),
		Generation:  true,
		Columns: table(
			text("Reference", docs(autoscalingv2.HorizontalPodAutoscalerSpec{}, "scaleTargetRef"), func(h hpa) string {
				return h.Spec.ScaleTargetRef.Kind + "/" + h.Spec.ScaleTargetRef.Name
			}),
			text("Targets", docs(autoscalingv2.HorizontalPodAutoscalerSpec{}, "metrics"), autoscalerTargets),
			text("MinPods", docs(autoscalingv2.HorizontalPodAutoscalerSpec{}, "minReplicas"), func(h hpa) string {
				if h.Spec.MinReplicas == nil {
					return unset
				}
				return strconv.Itoa(int(*h.Spec.MinReplicas))
			}),
			count("MaxPods", docs(autoscalingv2.HorizontalPodAutoscalerSpec{}, "maxReplicas"), func(h hpa) int64 { return int64(h.Spec.MaxReplicas) }),
			count("Replicas", docs(autoscalingv2.HorizontalPodAutoscalerStatus{}, "currentReplicas"), func(h hpa) int64 { return int64(h.Status.CurrentReplicas) }),
			api.AgeColumn(),
		),
	}
}

// defaultCPUPercent is what an autoscaler aims at that names no metric.
const defaultCPUPercent = 80

// defaultAutoscaler follows
// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#default-behavior.
func defaultAutoscaler(h *autoscalingv2.HorizontalPodAutoscaler) {
	setDefaultPtr(&h.Spec.MinReplicas, 1)
	if len(h.Spec.Metrics) == 0 {
		h.Spec.Metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{
					Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(int32(defaultCPUPercent)),
				},
			},
		}}
	}
	if h.Spec.Behavior == nil {
		return
	}
	const period = 15 // seconds
	percent := autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: period}
	pods := autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: 4, PeriodSeconds: period}
	defaultScalingRules(&h.Spec.Behavior.ScaleUp, pods, percent)
	setDefaultPtr(&h.Spec.Behavior.ScaleUp.StabilizationWindowSeconds, 0)
	// How long to wait before scaling down is the controller's setting.
	defaultScalingRules(&h.Spec.Behavior.ScaleDown, percent)
}

func defaultScalingRules(rules **autoscalingv2.HPAScalingRules, policies ...autoscalingv2.HPAScalingPolicy) {
	if *rules == nil {
		*rules = &autoscalingv2.HPAScalingRules{}
	}
	setDefaultPtr(&(*rules).SelectPolicy, autoscalingv2.MaxChangePolicySelect)
	if (*rules).Policies == nil {
		(*rules).Policies = policies
	}
}

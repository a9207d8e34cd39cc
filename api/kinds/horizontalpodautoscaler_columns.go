package kinds

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// autoscalerTargets shows each metric as "measured/wanted".
func autoscalerTargets(h *autoscalingv2.HorizontalPodAutoscaler) string {
	var all []string
	for i, spec := range h.Spec.Metrics {
		var measured autoscalingv2.MetricStatus
		if i < len(h.Status.CurrentMetrics) {
			measured = h.Status.CurrentMetrics[i]
		}
		all = append(all, metricText(spec, measured))
	}
	if len(all) == 0 {
		return none
	}
	return firstFew(all, 2, ", ")
}

func metricText(spec autoscalingv2.MetricSpec, measured autoscalingv2.MetricStatus) string {
	switch {
	case spec.Type == autoscalingv2.ResourceMetricSourceType && spec.Resource != nil:
		var now *autoscalingv2.MetricValueStatus
		if measured.Resource != nil {
			now = &measured.Resource.Current
		}
		return fmt.Sprintf("%s: %s", spec.Resource.Name, shareText(spec.Resource.Target, now))
	case spec.Type == autoscalingv2.ContainerResourceMetricSourceType && spec.ContainerResource != nil:
		var now *autoscalingv2.MetricValueStatus
		if measured.ContainerResource != nil {
			now = &measured.ContainerResource.Current
		}
		return fmt.Sprintf("%s: %s", spec.ContainerResource.Name, shareText(spec.ContainerResource.Target, now))
	case spec.Type == autoscalingv2.PodsMetricSourceType && spec.Pods != nil:
		now := unknown
		if measured.Pods != nil && measured.Pods.Current.AverageValue != nil {
			now = measured.Pods.Current.AverageValue.String()
		}
		return now + "/" + spec.Pods.Target.AverageValue.String()
	case spec.Type == autoscalingv2.ObjectMetricSourceType && spec.Object != nil:
		var now *autoscalingv2.MetricValueStatus
		if measured.Object != nil {
			now = &measured.Object.Current
		}
		return valueText(spec.Object.Target, now)
	case spec.Type == autoscalingv2.ExternalMetricSourceType && spec.External != nil:
		var now *autoscalingv2.MetricValueStatus
		if measured.External != nil {
			now = &measured.External.Current
		}
		return valueText(spec.External.Target, now)
	default:
		return "<unknown type>"
	}
}

// shareText shows a resource: as a value, or in percent of what was asked for.
func shareText(want autoscalingv2.MetricTarget, now *autoscalingv2.MetricValueStatus) string {
	measured := unknown
	if want.AverageValue != nil {
		if now != nil && now.AverageValue != nil {
			measured = now.AverageValue.String()
		}
		return measured + "/" + want.AverageValue.String()
	}
	if now != nil && now.AverageUtilization != nil {
		measured = fmt.Sprintf("%d%%", *now.AverageUtilization)
	}
	wanted := "<auto>"
	if want.AverageUtilization != nil {
		wanted = fmt.Sprintf("%d%%", *want.AverageUtilization)
	}
	return measured + "/" + wanted
}

// valueText shows a metric of something other than the pods.
func valueText(want autoscalingv2.MetricTarget, now *autoscalingv2.MetricValueStatus) string {
	measured := unknown
	if want.AverageValue != nil {
		if now != nil && now.AverageValue != nil {
			measured = now.AverageValue.String()
		}
		return measured + "/" + want.AverageValue.String() + " (avg)"
	}
	if now != nil && now.Value != nil {
		measured = now.Value.String()
	}
	return measured + "/" + want.Value.String()
}

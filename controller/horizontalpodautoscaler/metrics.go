package horizontalpodautoscaler

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/coracle-k8s/coracle/client"
)

// usageOf asks metrics.k8s.io what the pods of a selector use of the target's
// resource, in all containers or the one that the target names.
func usageOf(ctx context.Context, c *client.Client, namespace, selector string, target Target) (Usage, error) {
	var list metricsv1beta1.PodMetricsList
	path := fmt.Sprintf("/apis/metrics.k8s.io/v1beta1/namespaces/%s/pods", url.PathEscape(namespace))
	if err := c.Do(ctx, http.MethodGet, path, url.Values{"labelSelector": {selector}}, nil, &list); err != nil {
		return nil, fmt.Errorf("unable to get metrics for resource %s: %w", target.Resource, err)
	}
	usage := Usage{}
	for i := range list.Items {
		pod := &list.Items[i]
		if value, ok := used(pod, target); ok {
			usage[pod.Name] = Sample{Value: value, At: pod.Timestamp.Time, Window: pod.Window.Duration}
		}
	}
	return usage, nil
}

// used adds up what a pod's containers use. A container without a figure makes
// the pod one without a figure: a part would pass for the whole.
func used(pod *metricsv1beta1.PodMetrics, target Target) (sum int64, ok bool) {
	for _, c := range pod.Containers {
		if target.Container != "" && c.Name != target.Container {
			continue
		}
		q, known := c.Usage[target.Resource]
		if !known {
			return 0, false
		}
		sum, ok = sum+q.MilliValue(), true
	}
	return sum, ok
}

// targetOf is what a metric of an autoscaler aims at.
func targetOf(m *autoscalingv2.MetricSpec) (Target, error) {
	var t Target
	var goal autoscalingv2.MetricTarget
	switch {
	case m.Type == autoscalingv2.ResourceMetricSourceType && m.Resource != nil:
		t.Resource, goal = m.Resource.Name, m.Resource.Target
	case m.Type == autoscalingv2.ContainerResourceMetricSourceType && m.ContainerResource != nil:
		t.Resource, t.Container, goal = m.ContainerResource.Name, m.ContainerResource.Container, m.ContainerResource.Target
	default:
		return t, fmt.Errorf("metrics of type %s are not supported, only Resource and ContainerResource", m.Type)
	}
	if goal.AverageUtilization != nil {
		t.Percent, t.Value = true, int64(*goal.AverageUtilization)
	} else if goal.AverageValue != nil {
		t.Value = goal.AverageValue.MilliValue()
	}
	if t.Value <= 0 {
		return t, fmt.Errorf("the target of metric %s is neither an average utilization nor an average value", t.Resource)
	}
	return t, nil
}

// statusOf is what a metric reads, for people.
func statusOf(m *autoscalingv2.MetricSpec, t Target, r Reading) autoscalingv2.MetricStatus {
	current := autoscalingv2.MetricValueStatus{AverageValue: resource.NewMilliQuantity(r.Average, resource.DecimalSI)}
	if t.Percent {
		share := int32(min(r.Percent, math.MaxInt32))
		current.AverageUtilization = &share
	}
	status := autoscalingv2.MetricStatus{Type: m.Type}
	if m.Resource != nil {
		status.Resource = &autoscalingv2.ResourceMetricStatus{Name: t.Resource, Current: current}
	} else {
		status.ContainerResource = &autoscalingv2.ContainerResourceMetricStatus{Name: t.Resource, Container: t.Container, Current: current}
	}
	return status
}

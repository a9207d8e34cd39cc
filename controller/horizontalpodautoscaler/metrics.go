package horizontalpodautoscaler

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/coracle-k8s/coracle/client"
)

// usageOf asks metrics.k8s.io what the pods of a selector use of a resource, all
// containers or the one that is named.
func usageOf(ctx context.Context, c *client.Client, namespace, selector string, name corev1.ResourceName, container string) (Usage, error) {
	var list metricsv1beta1.PodMetricsList
	path := fmt.Sprintf("/apis/metrics.k8s.io/v1beta1/namespaces/%s/pods", url.PathEscape(namespace))
	if err := c.Do(ctx, http.MethodGet, path, url.Values{"labelSelector": {selector}}, nil, &list); err != nil {
		return nil, fmt.Errorf("read resource metrics: %w", err)
	}
	usage := Usage{}
	for _, pod := range list.Items {
		var sum int64
		found := len(pod.Containers) > 0
		if container != "" {
			found = false
		}
		for _, used := range pod.Containers {
			if container == "" || used.Name == container {
				q := used.Usage[name]
				sum += q.MilliValue()
				found = true
			}
		}
		if found {
			usage[pod.Name] = sum
		}
	}
	return usage, nil
}

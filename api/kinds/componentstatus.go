package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// componentStatuses tell how the parts of a control plane on one machine are.
// They can only be read. Kubernetes has deprecated them and asks ports that its
// components no longer open; here the components of a cluster report to nobody,
// so there are none.
func componentStatuses() *api.Resource {
	health := func(pick func(corev1.ComponentCondition) string, otherwise string) func(*corev1.ComponentStatus) string {
		return func(s *corev1.ComponentStatus) string {
			for _, c := range s.Conditions {
				if c.Type == corev1.ComponentHealthy {
					return pick(c)
				}
			}
			return otherwise
		}
	}
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ComponentStatus"),
		Plural:           "componentstatuses",
		Singular:         "componentstatus",
		ShortNames:       []string{"cs"},
		New:              func() api.Object { return &corev1.ComponentStatus{} },
		NewList:          func() runtime.Object { return &corev1.ComponentStatusList{} },
		Verbs:            []string{"get", "list"},
		Columns: []api.Column{
			api.NameColumn(),
			text("Status", "Status of the component conditions", health(func(c corev1.ComponentCondition) string {
				if c.Status == corev1.ConditionTrue {
					return "Healthy"
				}
				return "Unhealthy"
			}, "Unknown")),
			text("Message", "Message of the component conditions", health(func(c corev1.ComponentCondition) string { return c.Message }, "")),
			text("Error", "Error of the component conditions", health(func(c corev1.ComponentCondition) string { return c.Error }, "")),
		},
	}
}

package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func coreEvents() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Event"),
		Plural:           "events",
		Singular:         "event",
		ShortNames:       []string{"ev"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.Event{} },
		NewList:          func() runtime.Object { return &corev1.EventList{} },
		CreateOnUpdate:   true,
		// Events are news, and an hour old they are none.
		TTLSeconds: func(api.Object) int64 { return 3600 },
	}
}

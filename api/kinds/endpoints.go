package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func endpoints() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Endpoints"),
		Plural:           "endpoints",
		Singular:         "endpoints",
		ShortNames:       []string{"ep"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.Endpoints{} },
		NewList:          func() runtime.Object { return &corev1.EndpointsList{} },
		CreateOnUpdate:   true,
		StorageKey:       "services/endpoints",
	}
}

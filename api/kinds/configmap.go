package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func configMaps() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		Plural:           "configmaps",
		Singular:         "configmap",
		ShortNames:       []string{"cm"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.ConfigMap{} },
		NewList:          func() runtime.Object { return &corev1.ConfigMapList{} },
	}
}

package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func secrets() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Secret"),
		Plural:           "secrets",
		Singular:         "secret",
		Namespaced:       true,
		New:              func() api.Object { return &corev1.Secret{} },
		NewList:          func() runtime.Object { return &corev1.SecretList{} },
		FieldNames:       []string{"type"},
		Fields: api.Value(func(s *corev1.Secret) fields.Set {
			return fields.Set{"type": string(s.Type)}
		}),
	}
}

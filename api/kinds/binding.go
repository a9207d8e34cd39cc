package kinds

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
)

// bindings are how a scheduler gave pods their nodes before pods had a path of
// their own for it. Like a review, a binding is not stored: it is done.
func bindings() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Binding"),
		Plural:           "bindings",
		Singular:         "binding",
		Namespaced:       true,
		New:              func() api.Object { return &corev1.Binding{} },
		Verbs:            []string{"create"},
		Virtual:          true,
	}
}

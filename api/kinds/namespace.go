package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"slices"

	"github.com/coracle-k8s/coracle/api"
)

func namespaces() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Namespace"),
		Plural:           "namespaces",
		Singular:         "namespace",
		ShortNames:       []string{"ns"},
		New:              func() api.Object { return &corev1.Namespace{} },
		NewList:          func() runtime.Object { return &corev1.NamespaceList{} },
		PrepareCreate:    api.Do(prepareNamespace),
		PrepareUpdate:    api.Pair(keepNamespaceSpec),
		CopyStatus:       api.Pair(func(dst, src *corev1.Namespace) { dst.Status = src.Status }),
		Default:          api.Do(defaultNamespace),
		Subresources: []api.Subresource{{
			Name:             "finalize",
			GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Namespace"),
			Verbs:            []string{"update"},
		}},
		DeleteReturnsObject: true,
		// A collection of namespaces is not deleted in one request.
		Verbs:      []string{"create", "delete", "get", "list", "patch", "update", "watch"},
		FieldNames: []string{"status.phase"},
		Fields: api.Value(func(ns *corev1.Namespace) fields.Set {
			return fields.Set{"status.phase": string(ns.Status.Phase)}
		}),
	}
}

// prepareNamespace gives a new namespace the finalizer behind which the
// namespace controller removes what is in it. It stands in spec.finalizers,
// older than those of the metadata, and only the finalize subresource changes it.
func prepareNamespace(ns *corev1.Namespace) {
	ns.Status = corev1.NamespaceStatus{Phase: corev1.NamespaceActive}
	if !slices.Contains(ns.Spec.Finalizers, corev1.FinalizerKubernetes) {
		ns.Spec.Finalizers = append(ns.Spec.Finalizers, corev1.FinalizerKubernetes)
	}
}

func keepNamespaceSpec(ns, old *corev1.Namespace) { ns.Spec.Finalizers = old.Spec.Finalizers }

// defaultNamespace labels the namespace with its own name, so that selectors
// can name it.
func defaultNamespace(ns *corev1.Namespace) {
	if ns.Status.Phase == "" {
		ns.Status.Phase = corev1.NamespaceActive
	}
	if ns.Name == "" {
		return // its name is yet to be generated
	}
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	ns.Labels[corev1.LabelMetadataName] = ns.Name
}

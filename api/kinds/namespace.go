package kinds

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

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
		Default:          api.Do(defaultNamespace),
		PrepareCreate:    api.Do(prepareNamespace),
		ValidateName:     validation.NameIsDNSLabel,
		Validate:         rule(checkNamespace),
		ValidateStatus:   pairRule(checkNamespacePhase),
		CopyStatus:       api.Pair(func(dst, src *corev1.Namespace) { dst.Status = src.Status }),
		Finalize: &api.Finalize{
			Held: api.Value(func(ns *corev1.Namespace) bool { return len(ns.Spec.Finalizers) > 0 }),
			Begin: api.Do(func(ns *corev1.Namespace) {
				ns.Status.Phase = corev1.NamespaceTerminating
			}),
			Copy: api.Pair(func(dst, src *corev1.Namespace) { dst.Spec.Finalizers = src.Spec.Finalizers }),
		},
		DeleteReturnsObject: true,
		// A collection of namespaces is not deleted in one request.
		Verbs:      []string{"create", "delete", "get", "list", "patch", "update", "watch"},
		FieldNames: []string{"status.phase"},
		Fields: api.Value(func(ns *corev1.Namespace) fields.Set {
			return fields.Set{"status.phase": string(ns.Status.Phase)}
		}),
		Columns: table(
			text("Status", "The status of the namespace", func(ns *corev1.Namespace) string {
				return string(ns.Status.Phase)
			}),
			api.AgeColumn(),
		),
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

// defaultNamespace labels the namespace with its own name, so that selectors
// can name it.
func defaultNamespace(ns *corev1.Namespace) {
	setDefault(&ns.Status.Phase, corev1.NamespaceActive)
	if ns.Name == "" {
		return // its name is yet to be generated
	}
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	ns.Labels[corev1.LabelMetadataName] = ns.Name
}

func checkNamespace(j *judge, ns *corev1.Namespace) {
	path := field.NewPath("spec", "finalizers")
	for _, finalizer := range ns.Spec.Finalizers {
		name := string(finalizer)
		j.add(validation.ValidateFinalizerName(name, path))
		if !strings.Contains(name, "/") && finalizer != corev1.FinalizerKubernetes {
			j.invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")
		}
	}
}

func checkNamespacePhase(j *judge, ns, _ *corev1.Namespace) {
	path := field.NewPath("status", "Phase")
	switch {
	case ns.DeletionTimestamp.IsZero() && ns.Status.Phase != corev1.NamespaceActive:
		j.invalid(path, ns.Status.Phase, "may only be 'Active' if `deletionTimestamp` is empty")
	case !ns.DeletionTimestamp.IsZero() && ns.Status.Phase != corev1.NamespaceTerminating:
		j.invalid(path, ns.Status.Phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")
	}
}

package kinds

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// leases are heartbeats: of nodes, and of leaders.
func leases() *api.Resource {
	return &api.Resource{
		GroupVersionKind:      coordinationv1.SchemeGroupVersion.WithKind("Lease"),
		Plural:                "leases",
		Singular:              "lease",
		Namespaced:            true,
		New:                   func() api.Object { return &coordinationv1.Lease{} },
		NewList:               func() runtime.Object { return &coordinationv1.LeaseList{} },
		Validate:              rule(checkLease),
		CreateOnUpdate:        true,
		NoUnconditionalUpdate: true,
		AnyFinalizer:          true,
		Columns: table(
			text("Holder", docs(coordinationv1.LeaseSpec{}, "holderIdentity"), func(l *coordinationv1.Lease) string {
				if l.Spec.HolderIdentity == nil {
					return ""
				}
				return *l.Spec.HolderIdentity
			}),
			api.AgeColumn(),
		),
	}
}

func checkLease(j *judge, l *coordinationv1.Lease) {
	spec := field.NewPath("spec")
	if seconds := l.Spec.LeaseDurationSeconds; seconds != nil && *seconds <= 0 {
		j.invalid(spec.Child("leaseDurationSeconds"), *seconds, "must be greater than 0")
	}
	if transitions := l.Spec.LeaseTransitions; transitions != nil && *transitions < 0 {
		j.invalid(spec.Child("leaseTransitions"), *transitions, "must be greater than or equal to 0")
	}
	if l.Spec.PreferredHolder != nil && *l.Spec.PreferredHolder != "" && l.Spec.Strategy == nil {
		j.forbidden(spec.Child("preferredHolder"), "may only be specified if `strategy` is defined")
	}
}

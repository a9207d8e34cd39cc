package kinds

import (
	policyv1 "k8s.io/api/policy/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// podDisruptionBudgets say how many pods of a kind may be evicted at once. Who
// evicts asks for it at the pod's eviction subresource.
func podDisruptionBudgets() *api.Resource {
	type budget = *policyv1.PodDisruptionBudget
	return &api.Resource{
		GroupVersionKind:      policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"),
		Plural:                "poddisruptionbudgets",
		AnyFinalizer:          true,
		Singular:              "poddisruptionbudget",
		ShortNames:            []string{"pdb"},
		Namespaced:            true,
		New:                   func() api.Object { return &policyv1.PodDisruptionBudget{} },
		NewList:               func() runtime.Object { return &policyv1.PodDisruptionBudgetList{} },
		ValidateName:          pathSegment,
		Validate:              rule(checkBudget),
		ValidateStatus:        pairRule(checkBudgetStatus),
		CopyStatus:            api.Pair(func(dst, src budget) { dst.Status = src.Status }),
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns: table(
			text("Min Available", "The minimum number of pods that must be available.", func(b budget) string {
				return numberText(b.Spec.MinAvailable)
			}),
			text("Max Unavailable", "The maximum number of pods that may be unavailable.", func(b budget) string {
				return numberText(b.Spec.MaxUnavailable)
			}),
			integer("Allowed Disruptions", "Calculated number of pods that may be disrupted at this time.", func(b budget) int64 {
				return int64(b.Status.DisruptionsAllowed)
			}),
			api.AgeColumn(),
		),
	}
}

func numberText(n *intstr.IntOrString) string {
	if n == nil {
		return "N/A"
	}
	return n.String()
}

func checkBudget(j *judge, b *policyv1.PodDisruptionBudget) {
	spec, at := &b.Spec, field.NewPath("spec")
	if spec.MinAvailable != nil && spec.MaxUnavailable != nil {
		j.invalid(at, *spec, "minAvailable and maxUnavailable cannot be both set")
	}
	for _, part := range []struct {
		n    *intstr.IntOrString
		path *field.Path
	}{{spec.MinAvailable, at.Child("minAvailable")}, {spec.MaxUnavailable, at.Child("maxUnavailable")}} {
		if part.n != nil {
			checkNumberOrPercent(j, *part.n, part.path)
			checkAtMost100Percent(j, *part.n, part.path)
		}
	}
	if spec.Selector != nil {
		checkSelector(j, spec.Selector, at.Child("selector"))
	}
	if policy := spec.UnhealthyPodEvictionPolicy; policy != nil {
		supported(j, at.Child("unhealthyPodEvictionPolicy"), *policy, policyv1.AlwaysAllow, policyv1.IfHealthyBudget)
	}
}

func checkBudgetStatus(j *judge, b, _ *policyv1.PodDisruptionBudget) {
	status, at := &b.Status, field.NewPath("status")
	j.add(metavalidation.ValidateConditions(status.Conditions, at.Child("conditions")))
	j.notNegative(at.Child("disruptionsAllowed"), int64(status.DisruptionsAllowed))
	j.notNegative(at.Child("currentHealthy"), int64(status.CurrentHealthy))
	j.notNegative(at.Child("desiredHealthy"), int64(status.DesiredHealthy))
	j.notNegative(at.Child("expectedPods"), int64(status.ExpectedPods))
}

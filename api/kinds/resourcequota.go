package kinds

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func resourceQuotas() *api.Resource {
	type quota = *corev1.ResourceQuota
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ResourceQuota"),
		Plural:           "resourcequotas",
		Singular:         "resourcequota",
		ShortNames:       []string{"quota"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.ResourceQuota{} },
		NewList:          func() runtime.Object { return &corev1.ResourceQuotaList{} },
		Default: api.Do(func(q quota) {
			for _, list := range []corev1.ResourceList{q.Spec.Hard, q.Status.Hard, q.Status.Used} {
				roundResources(list)
			}
		}),
		Validate: rule(func(j *judge, q quota) { checkQuotaSpec(j, &q.Spec, field.NewPath("spec")) }),
		ValidateUpdate: pairRule(func(j *judge, q, old quota) {
			if !same(scopeSet(q.Spec.Scopes), scopeSet(old.Spec.Scopes)) {
				j.invalid(field.NewPath("spec", "scopes"), q.Spec.Scopes, "field is immutable")
			}
		}),
		ValidateStatus: pairRule(func(j *judge, q, _ quota) {
			checkQuotaList(j, q.Status.Hard, field.NewPath("status", "hard"))
			checkQuotaList(j, q.Status.Used, field.NewPath("status", "used"))
		}),
		CopyStatus:          api.Pair(func(dst, src quota) { dst.Status = src.Status }),
		DeleteReturnsObject: true,
		Columns: table(
			text("Request", "Request represents a minimum amount of cpu/memory that a container may consume.", func(q quota) string {
				return quotaText(q, func(limits bool) bool { return !limits })
			}),
			text("Limit", "Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.",
				func(q quota) string { return quotaText(q, func(limits bool) bool { return limits }) }),
			api.AgeColumn(),
		),
	}
}

// quotaText shows what is used of what there is, of limits or of all else.
func quotaText(q *corev1.ResourceQuota, shown func(limits bool) bool) string {
	var parts []string
	for _, name := range sortedKeys(q.Status.Hard) {
		if shown(strings.HasPrefix(string(name), "limits.")) {
			used, hard := q.Status.Used[name], q.Status.Hard[name]
			parts = append(parts, fmt.Sprintf("%s: %s/%s", name, used.String(), hard.String()))
		}
	}
	return strings.Join(parts, ", ")
}

func scopeSet(scopes []corev1.ResourceQuotaScope) map[corev1.ResourceQuotaScope]bool {
	set := map[corev1.ResourceQuotaScope]bool{}
	for _, s := range scopes {
		set[s] = true
	}
	return set
}

package quota

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/coracle-k8s/coracle/api"
)

// A Meter measures the objects of one kind. It is safe for concurrent use.
type Meter struct {
	// Resource is the kind's.
	Resource schema.GroupResource
	// Detailed says that more than the number of objects matters, so the
	// objects themselves must be looked at. A mere count takes any object.
	Detailed bool

	named func(name corev1.ResourceName) bool
	usage func(obj api.Object) corev1.ResourceList
	// inScope says whether an object is in the scope; nil: never.
	inScope func(obj api.Object, scope corev1.ScopedResourceSelectorRequirement) bool
}

// For returns the meter of a kind.
func For(r schema.GroupResource) Meter {
	switch r {
	case schema.GroupResource{Resource: "pods"}:
		return Meter{Resource: r, Detailed: true, named: podNamed, usage: value(podUsage), inScope: podInScope}
	case schema.GroupResource{Resource: "services"}:
		return Meter{Resource: r, Detailed: true, named: serviceNamed, usage: value(serviceUsage)}
	case schema.GroupResource{Resource: "persistentvolumeclaims"}:
		return Meter{Resource: r, Detailed: true, named: claimNamed, usage: value(claimUsage), inScope: claimInScope}
	}
	names := []corev1.ResourceName{CountName(r)}
	if old, ok := oldCountNames(r); ok {
		names = append(names, old)
	}
	return Meter{
		Resource: r,
		named:    func(name corev1.ResourceName) bool { return slices.Contains(names, name) },
		usage: func(api.Object) corev1.ResourceList {
			list := corev1.ResourceList{}
			for _, name := range names {
				list[name] = count(1)
			}
			return list
		},
	}
}

// Kinds returns the kinds that a quota of these names counts, each once. A name
// that means nothing adds none; one that names a kind nobody serves, that kind.
func Kinds(names []corev1.ResourceName) []schema.GroupResource {
	var kinds []schema.GroupResource
	add := func(r schema.GroupResource) {
		if !slices.Contains(kinds, r) {
			kinds = append(kinds, r)
		}
	}
	for _, r := range detailed() {
		if len(For(r).Named(names)) > 0 {
			add(r)
		}
	}
	for _, name := range names {
		if of, counted := strings.CutPrefix(string(name), "count/"); counted {
			add(schema.ParseGroupResource(of))
		} else if _, old := oldCountNames(schema.GroupResource{Resource: string(name)}); old {
			add(schema.GroupResource{Resource: string(name)})
		}
	}
	return kinds
}

// detailed are the kinds with a meter of their own.
func detailed() []schema.GroupResource {
	return []schema.GroupResource{{Resource: "pods"}, {Resource: "services"}, {Resource: "persistentvolumeclaims"}}
}

// CountName is what a quota calls the number of objects of a kind:
// count/deployments.apps, count/pods.
func CountName(r schema.GroupResource) corev1.ResourceName {
	return corev1.ResourceName("count/" + r.String())
}

// oldCountNames are those from before there was [CountName].
func oldCountNames(r schema.GroupResource) (corev1.ResourceName, bool) {
	if r.Group != "" {
		return "", false
	}
	switch name := corev1.ResourceName(r.Resource); name {
	case corev1.ResourceConfigMaps, corev1.ResourceQuotas, corev1.ResourceReplicationControllers, corev1.ResourceSecrets:
		return name, true
	}
	return "", false
}

// Named returns those of the names that the kind can use some of, sorted.
func (m Meter) Named(names []corev1.ResourceName) []corev1.ResourceName {
	named := slices.DeleteFunc(slices.Clone(names), func(name corev1.ResourceName) bool { return !m.named(name) })
	slices.Sort(named)
	return named
}

// Usage returns what an object uses. Names with nothing may be missing.
func (m Meter) Usage(obj api.Object) corev1.ResourceList { return m.usage(obj) }

// Concerns says whether a quota counts the object: it has a name for something
// of the kind, and the object is in all its scopes. The limits are those of the
// quota's status, which are the ones in force.
func (m Meter) Concerns(q *corev1.ResourceQuota, obj api.Object) bool {
	return len(m.Named(Names(q.Status.Hard))) > 0 && m.InScopes(q, obj)
}

// InScopes says whether an object is in all scopes of a quota.
func (m Meter) InScopes(q *corev1.ResourceQuota, obj api.Object) bool {
	for _, scope := range Scopes(q) {
		if m.inScope == nil || !m.inScope(obj, scope) {
			return false
		}
	}
	return true
}

// Scopes returns the scopes of a quota, of either field, in one form.
func Scopes(q *corev1.ResourceQuota) []corev1.ScopedResourceSelectorRequirement {
	var scopes []corev1.ScopedResourceSelectorRequirement
	for _, name := range q.Spec.Scopes {
		scopes = append(scopes, corev1.ScopedResourceSelectorRequirement{ScopeName: name, Operator: corev1.ScopeSelectorOpExists})
	}
	if q.Spec.ScopeSelector != nil {
		scopes = append(scopes, q.Spec.ScopeSelector.MatchExpressions...)
	}
	return scopes
}

// selects says whether a scope with an operator chooses a value, which is ""
// where an object has none.
func selects(scope corev1.ScopedResourceSelectorRequirement, value string) bool {
	operators := map[corev1.ScopeSelectorOperator]selection.Operator{
		corev1.ScopeSelectorOpIn: selection.In, corev1.ScopeSelectorOpNotIn: selection.NotIn,
		corev1.ScopeSelectorOpExists: selection.Exists, corev1.ScopeSelectorOpDoesNotExist: selection.DoesNotExist,
	}
	requirement, err := labels.NewRequirement(string(scope.ScopeName), operators[scope.Operator], scope.Values)
	if err != nil {
		return false
	}
	set := labels.Set{}
	if value != "" {
		set[string(scope.ScopeName)] = value
	}
	return requirement.Matches(set)
}

// Charge is what an object takes from a quota when it is created (old is nil)
// or takes the place of old. It is limited to what the quota names, without
// zeros; negative where the object needs less than before.
func (m Meter) Charge(q *corev1.ResourceQuota, obj, old api.Object) corev1.ResourceList {
	charge := m.Usage(obj)
	if old != nil && m.Concerns(q, old) {
		charge = Subtract(charge, m.Usage(old))
	}
	return withoutZeros(Mask(charge, Names(q.Status.Hard)))
}

func count(n int) resource.Quantity { return *resource.NewQuantity(int64(n), resource.DecimalSI) }

func value[T api.Object](f func(T) corev1.ResourceList) func(api.Object) corev1.ResourceList {
	return func(obj api.Object) corev1.ResourceList {
		if typed, ok := obj.(T); ok {
			return f(typed)
		}
		return nil
	}
}

var _ api.Object = (*metav1.PartialObjectMetadata)(nil) // what a count takes

package kinds

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkQuotaSpec(j *judge, spec *corev1.ResourceQuotaSpec, path *field.Path) {
	checkQuotaList(j, spec.Hard, path.Child("hard"))
	checkScopes(j, spec, path.Child("scopes"))
	if spec.ScopeSelector != nil {
		checkScopeSelector(j, spec, path.Child("scopeSelector", "matchExpressions"))
	}
}

func checkQuotaList(j *judge, list corev1.ResourceList, path *field.Path) {
	for _, name := range sortedKeys(list) {
		at, q := path.Key(string(name)), list[name]
		checkResourceName(j, name, at)
		if !strings.Contains(string(name), "/") && !isQuotaResource(name) {
			j.invalid(at, name, "must be a standard resource for quota")
		}
		j.notNegativeQuantity(at, q)
		if (isCounted(name) || isExtended(name)) && q.MilliValue()%1000 != 0 {
			j.invalid(at, q, "must be an integer")
		}
	}
}

// checkResourceName takes all names that Kubernetes knows, and those with a
// domain.
func checkResourceName(j *judge, name corev1.ResourceName, path *field.Path) {
	messages := validation.IsQualifiedName(string(name))
	switch {
	case len(messages) > 0:
		j.invalid(path, name, messages...)
	case strings.Contains(string(name), "/"), isQuotaResource(name), name == corev1.ResourceStorage:
	default:
		j.invalid(path, name, "must be a standard resource type or fully qualified")
	}
}

// isCounted says whether a quota counts objects of the name.
func isCounted(name corev1.ResourceName) bool {
	return slices.Contains([]corev1.ResourceName{
		corev1.ResourcePods, corev1.ResourceQuotas, corev1.ResourceServices, corev1.ResourceReplicationControllers,
		corev1.ResourceSecrets, corev1.ResourceConfigMaps, corev1.ResourcePersistentVolumeClaims,
		corev1.ResourceServicesNodePorts, corev1.ResourceServicesLoadBalancers,
	}, name)
}

func isQuotaResource(name corev1.ResourceName) bool {
	return isCounted(name) || isComputeQuota(name) ||
		isHugePages(name) || strings.HasPrefix(string(name), corev1.ResourceRequestsHugePagesPrefix) ||
		slices.Contains([]corev1.ResourceName{
			corev1.ResourceEphemeralStorage, corev1.ResourceRequestsStorage,
			corev1.ResourceRequestsEphemeralStorage, corev1.ResourceLimitsEphemeralStorage,
		}, name)
}

func isComputeQuota(name corev1.ResourceName) bool {
	return slices.Contains([]corev1.ResourceName{
		corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceLimitsCPU, corev1.ResourceLimitsMemory,
		corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory,
	}, name)
}

// quotaScopes are the parts of a namespace's objects that a quota can be for,
// with what each can be counted in.
func quotaScopes() map[corev1.ResourceQuotaScope]func(corev1.ResourceName) bool {
	pods := func(name corev1.ResourceName) bool { return name == corev1.ResourcePods || isComputeQuota(name) }
	return map[corev1.ResourceQuotaScope]func(corev1.ResourceName) bool{
		corev1.ResourceQuotaScopeTerminating:               pods,
		corev1.ResourceQuotaScopeNotTerminating:            pods,
		corev1.ResourceQuotaScopeNotBestEffort:             pods,
		corev1.ResourceQuotaScopePriorityClass:             pods,
		corev1.ResourceQuotaScopeCrossNamespacePodAffinity: pods,
		corev1.ResourceQuotaScopeBestEffort:                func(name corev1.ResourceName) bool { return name == corev1.ResourcePods },
		corev1.ResourceQuotaScopeVolumeAttributesClass: func(name corev1.ResourceName) bool {
			return name == corev1.ResourcePersistentVolumeClaims || name == corev1.ResourceRequestsStorage
		},
	}
}

// misfits is how many of a quota's resources cannot be counted in a scope.
func misfits(spec *corev1.ResourceQuotaSpec, scope corev1.ResourceQuotaScope) (n int) {
	fits, known := quotaScopes()[scope]
	for name := range spec.Hard {
		if known && isQuotaResource(name) && !fits(name) {
			n++
		}
	}
	return n
}

func checkScopes(j *judge, spec *corev1.ResourceQuotaSpec, path *field.Path) {
	for _, scope := range spec.Scopes {
		if quotaScopes()[scope] == nil {
			j.invalid(path, spec.Scopes, "unsupported scope")
		}
		for range misfits(spec, scope) {
			j.invalid(path, spec.Scopes, "unsupported scope applied to resource")
		}
	}
	checkScopePairs(j, scopeSet(spec.Scopes), spec, path)
}

// checkScopePairs: nothing is in a part and outside it.
func checkScopePairs(j *judge, scopes map[corev1.ResourceQuotaScope]bool, spec *corev1.ResourceQuotaSpec, path *field.Path) {
	if scopes[corev1.ResourceQuotaScopeBestEffort] && scopes[corev1.ResourceQuotaScopeNotBestEffort] {
		j.invalid(path, spec.Scopes, "conflicting scopes")
	}
	if scopes[corev1.ResourceQuotaScopeTerminating] && scopes[corev1.ResourceQuotaScopeNotTerminating] {
		j.invalid(path, spec.Scopes, "conflicting scopes")
	}
}

func checkScopeSelector(j *judge, spec *corev1.ResourceQuotaSpec, path *field.Path) {
	scopes := map[corev1.ResourceQuotaScope]bool{}
	for _, req := range spec.ScopeSelector.MatchExpressions {
		if quotaScopes()[req.ScopeName] == nil {
			j.invalid(path.Child("scopeName"), req.ScopeName, "unsupported scope")
		}
		for range misfits(spec, req.ScopeName) {
			j.invalid(path, spec.ScopeSelector, "unsupported scope applied to resource")
		}
		checkScopeOperator(j, req, path)
		scopes[req.ScopeName] = true
	}
	checkScopePairs(j, scopes, spec, path)
}

func checkScopeOperator(j *judge, req corev1.ScopedResourceSelectorRequirement, path *field.Path) {
	valued := req.ScopeName == corev1.ResourceQuotaScopePriorityClass || req.ScopeName == corev1.ResourceQuotaScopeVolumeAttributesClass
	if quotaScopes()[req.ScopeName] != nil && !valued && req.Operator != corev1.ScopeSelectorOpExists {
		j.invalid(path.Child("operator"), req.Operator, "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "+
			"ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "+
			"ResourceQuotaScopeCrossNamespacePodAffinity")
	}
	switch req.Operator {
	case corev1.ScopeSelectorOpIn, corev1.ScopeSelectorOpNotIn:
		if len(req.Values) == 0 {
			j.required(path.Child("values"), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")
		}
	case corev1.ScopeSelectorOpExists, corev1.ScopeSelectorOpDoesNotExist:
		if len(req.Values) != 0 {
			j.invalid(path.Child("values"), req.Values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")
		}
	default:
		j.invalid(path.Child("operator"), req.Operator, "not a valid selector operator")
	}
}

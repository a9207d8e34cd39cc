package match

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// Named makes rules without names of objects into such with them.
func Named(rules []admissionv1.RuleWithOperations) []admissionv1.NamedRuleWithOperations {
	named := make([]admissionv1.NamedRuleWithOperations, len(rules))
	for i, rule := range rules {
		named[i].RuleWithOperations = rule
	}
	return named
}

// form returns the form in which one of the rules matches the request: its own
// if a rule names that, else the first that a rule names.
func (m *Matcher) form(a *apiserver.Admission, rules []admissionv1.NamedRuleWithOperations, equivalent bool) *Form {
	for i := range rules {
		if matches(&rules[i], a, a.Resource) {
			return itself(a)
		}
	}
	if !equivalent {
		return nil
	}
	for i := range rules {
		if !means(&rules[i], a) {
			continue
		}
		for _, other := range m.others(a) {
			if matches(&rules[i], a, other) {
				return formOf(a, other)
			}
		}
	}
	return nil
}

// others returns the other resources under which the object can be found.
func (m *Matcher) others(a *apiserver.Admission) []*api.Resource {
	if a.Resource.Virtual {
		return nil
	}
	var others []*api.Resource
	for _, r := range m.Resources.All() {
		if r != a.Resource && !r.Virtual && r.Prefix() == a.Resource.Prefix() && r.Plural == a.Resource.Plural {
			others = append(others, r)
		}
	}
	return others
}

// matches says whether a rule means the request, taken as one for resource r.
func matches(rule *admissionv1.NamedRuleWithOperations, a *apiserver.Admission, r *api.Resource) bool {
	return means(rule, a) && has(rule.APIGroups, r.Group) && has(rule.APIVersions, r.Version)
}

// means is matches for all but the group and the version.
func means(rule *admissionv1.NamedRuleWithOperations, a *apiserver.Admission) bool {
	return hasOperation(rule.Operations, a.Operation) &&
		hasResource(rule.Resources, a.Resource.Plural, a.Subresource) && inScope(rule.Scope, a.Resource) &&
		(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, a.Name))
}

func has(list []string, wanted string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, wanted)
}

func hasOperation(list []admissionv1.OperationType, op apiserver.Operation) bool {
	return slices.Contains(list, admissionv1.OperationAll) || slices.Contains(list, admissionv1.OperationType(op))
}

// hasResource understands pods, pods/status, pods/*, */scale, * (no
// subresources) and */* (everything).
func hasResource(list []string, resource, subresource string) bool {
	for _, pattern := range list {
		wanted, sub, _ := strings.Cut(pattern, "/")
		if (wanted == "*" || wanted == resource) && (sub == "*" || sub == subresource) {
			return true
		}
	}
	return false
}

func inScope(scope *admissionv1.ScopeType, r *api.Resource) bool {
	switch {
	case scope == nil || *scope == admissionv1.AllScopes:
		return true
	case *scope == admissionv1.NamespacedScope:
		return r.Namespaced
	default:
		return *scope == admissionv1.ClusterScope && !r.Namespaced
	}
}

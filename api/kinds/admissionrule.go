package kinds

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What webhooks and policies have in common: rules that say which requests they
// are for, and conditions that narrow them further.

func checkAdmissionRule(j *judge, r *admissionv1.RuleWithOperations, path *field.Path) {
	operations := path.Child("operations")
	if len(r.Operations) == 0 {
		j.required(operations, "")
	}
	if len(r.Operations) > 1 && slices.Contains(r.Operations, admissionv1.OperationAll) {
		j.invalid(operations, r.Operations, "if '*' is present, must not specify other operations")
	}
	for i, o := range r.Operations {
		supported(j, operations.Index(i), o, admissionv1.OperationAll,
			admissionv1.Connect, admissionv1.Create, admissionv1.Delete, admissionv1.Update)
	}
	checkWildcard(j, r.APIGroups, path.Child("apiGroups"), "API groups")
	// The core group has the empty name; no version has.
	checkWildcard(j, r.APIVersions, path.Child("apiVersions"), "API versions")
	for i, version := range r.APIVersions {
		j.filled(path.Child("apiVersions").Index(i), version)
	}
	checkRuleResources(j, r.Resources, path.Child("resources"))
	if r.Scope != nil {
		supported(j, path.Child("scope"), *r.Scope, admissionv1.AllScopes, admissionv1.ClusterScope, admissionv1.NamespacedScope)
	}
}

func checkWildcard(j *judge, names []string, path *field.Path, what string) {
	if len(names) == 0 {
		j.required(path, "")
	}
	if len(names) > 1 && slices.Contains(names, "*") {
		j.invalid(path, names, "if '*' is present, must not specify other "+what)
	}
}

// checkRuleResources judges names such as pods, pods/status, pods/*, */scale and
// */*: none may be there that an earlier one has in it.
func checkRuleResources(j *judge, resources []string, path *field.Path) {
	if len(resources) == 0 {
		j.required(path, "")
	}
	wholeOf, anyWith := nameSet{}, nameSet{} // pods of pods/*, scale of */scale
	plain := false
	for i, name := range resources {
		if !j.filled(path.Index(i), name) {
			continue
		}
		resource, sub, found := strings.Cut(name, "/")
		if !found {
			plain = name != "*" // as Kubernetes has it, the last one decides
			continue
		}
		if wholeOf[resource] {
			j.invalid(path.Index(i), name, fmt.Sprintf("if '%s/*' is present, must not specify %s", resource, name))
		}
		if anyWith[sub] {
			j.invalid(path.Index(i), name, fmt.Sprintf("if '*/%s' is present, must not specify %s", sub, name))
		}
		wholeOf[resource] = wholeOf[resource] || sub == "*"
		anyWith[sub] = anyWith[sub] || resource == "*"
	}
	if len(resources) > 1 && slices.Contains(resources, "*/*") {
		j.invalid(path, resources, "if '*/*' is present, must not specify other resources")
	}
	if plain && slices.Contains(resources, "*") {
		j.invalid(path, resources, "if '*' is present, must not specify other resources without subresources")
	}
}

// maxMatchConditions is how many conditions one webhook or policy may have.
const maxMatchConditions = 64

// checkMatchConditions judges all of a condition but whether its expression
// means something: see [Expressions].
func checkMatchConditions(j *judge, conditions []admissionv1.MatchCondition, path *field.Path) {
	if len(conditions) > maxMatchConditions {
		j.add(field.ErrorList{field.TooMany(path, len(conditions), maxMatchConditions)})
	}
	names := nameSet{}
	for i, c := range conditions {
		j.filled(path.Index(i).Child("expression"), strings.TrimSpace(c.Expression))
		if j.filled(path.Index(i).Child("name"), c.Name) {
			j.qualified(path.Index(i).Child("name"), c.Name)
		}
		names.unique(j, path.Index(i).Child("name"), c.Name)
	}
}

func defaultMatchResources(m *admissionv1.MatchResources) {
	if m == nil {
		return
	}
	setDefaultPtr(&m.MatchPolicy, admissionv1.Equivalent)
	setDefaultPtr(&m.NamespaceSelector, metav1.LabelSelector{})
	setDefaultPtr(&m.ObjectSelector, metav1.LabelSelector{})
	for _, rules := range [][]admissionv1.NamedRuleWithOperations{m.ResourceRules, m.ExcludeResourceRules} {
		for i := range rules {
			setDefaultPtr(&rules[i].Scope, admissionv1.AllScopes)
		}
	}
}

func checkMatchResources(j *judge, m *admissionv1.MatchResources, path *field.Path) {
	if m == nil {
		return
	}
	if m.MatchPolicy != nil {
		supported(j, path.Child("matchPolicy"), *m.MatchPolicy, admissionv1.Equivalent, admissionv1.Exact)
	}
	checkSelector(j, m.NamespaceSelector, path.Child("namespaceSelector"))
	checkSelector(j, m.ObjectSelector, path.Child("objectSelector"))
	for i := range m.ResourceRules {
		checkNamedRule(j, &m.ResourceRules[i], path.Child("resourceRules").Index(i))
	}
	for i := range m.ExcludeResourceRules {
		checkNamedRule(j, &m.ExcludeResourceRules[i], path.Child("excludeResourceRules").Index(i))
	}
}

func checkNamedRule(j *judge, r *admissionv1.NamedRuleWithOperations, path *field.Path) {
	names := nameSet{}
	for i, name := range r.ResourceNames {
		at := path.Child("resourceNames").Index(i)
		j.invalid(at, name, pathSegment(name, false)...)
		if name == "" && names[name] {
			j.duplicate(at, name)
		}
		names.unique(j, at, name)
	}
	checkAdmissionRule(j, &r.RuleWithOperations, path)
}

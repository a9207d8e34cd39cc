package fairness

import (
	"cmp"
	"slices"
	"strings"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// byPrecedence returns the FlowSchemas in the order in which they are tried.
func byPrecedence(objects []api.Object) []*flowcontrolv1.FlowSchema {
	schemas := make([]*flowcontrolv1.FlowSchema, 0, len(objects))
	for _, obj := range objects {
		schemas = append(schemas, obj.(*flowcontrolv1.FlowSchema))
	}
	slices.SortFunc(schemas, func(a, b *flowcontrolv1.FlowSchema) int {
		return cmp.Or(cmp.Compare(a.Spec.MatchingPrecedence, b.Spec.MatchingPrecedence), cmp.Compare(a.Name, b.Name))
	})
	return schemas
}

// matches says whether a request is of a FlowSchema.
func matches(schema *flowcontrolv1.FlowSchema, a *apiserver.Attributes) bool {
	for i := range schema.Spec.Rules {
		rule := &schema.Spec.Rules[i]
		if !slices.ContainsFunc(rule.Subjects, func(s flowcontrolv1.Subject) bool { return isSubject(s, a.User) }) {
			continue
		}
		if a.Path != "" {
			if slices.ContainsFunc(rule.NonResourceRules, func(r flowcontrolv1.NonResourcePolicyRule) bool { return matchesPath(r, a) }) {
				return true
			}
			continue
		}
		for k := range rule.ResourceRules {
			if matchesResource(&rule.ResourceRules[k], a) {
				return true
			}
		}
	}
	return false
}

func isSubject(s flowcontrolv1.Subject, user *apiserver.User) bool {
	switch {
	case s.Kind == flowcontrolv1.SubjectKindUser && s.User != nil:
		return s.User.Name == flowcontrolv1.NameAll || s.User.Name == user.Name
	case s.Kind == flowcontrolv1.SubjectKindGroup && s.Group != nil:
		return s.Group.Name == flowcontrolv1.NameAll || slices.Contains(user.Groups, s.Group.Name)
	case s.Kind == flowcontrolv1.SubjectKindServiceAccount && s.ServiceAccount != nil:
		account, found := strings.CutPrefix(user.Name, "system:serviceaccount:")
		namespace, name, _ := strings.Cut(account, ":")
		return found && namespace == s.ServiceAccount.Namespace &&
			(s.ServiceAccount.Name == flowcontrolv1.NameAll || s.ServiceAccount.Name == name)
	}
	return false
}

func matchesResource(rule *flowcontrolv1.ResourcePolicyRule, a *apiserver.Attributes) bool {
	resource := a.Resource.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	if !has(rule.Verbs, a.Verb) || !has(rule.Resources, resource) || !has(rule.APIGroups, a.Resource.Group) {
		return false
	}
	if a.Namespace == "" {
		return rule.ClusterScope
	}
	return has(rule.Namespaces, a.Namespace)
}

// matchesPath judges a path outside resources. A rule's path covers what is below it.
func matchesPath(rule flowcontrolv1.NonResourcePolicyRule, a *apiserver.Attributes) bool {
	return has(rule.Verbs, a.Verb) && slices.ContainsFunc(rule.NonResourceURLs, func(path string) bool {
		below := strings.TrimSuffix(strings.TrimSuffix(path, "*"), "/") + "/"
		return path == "*" || path == a.Path || strings.HasPrefix(a.Path, below)
	})
}

// has says whether a list has a value, or is "*", which is all of them.
func has(list []string, value string) bool {
	return len(list) == 1 && list[0] == "*" || slices.Contains(list, value)
}

// flowOf names the flow that a request is of: what its FlowSchema tells apart.
func flowOf(schema *flowcontrolv1.FlowSchema, a *apiserver.Attributes) string {
	switch method := schema.Spec.DistinguisherMethod; {
	case method == nil:
		return schema.Name
	case method.Type == flowcontrolv1.FlowDistinguisherMethodByUserType:
		return schema.Name + "\x00" + a.User.Name
	default:
		return schema.Name + "\x00" + a.Namespace
	}
}

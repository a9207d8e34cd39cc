package auth

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// ruleAllows reports whether one rule allows a request
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/).
func ruleAllows(rule *rbacv1.PolicyRule, a *apiserver.Attributes) bool {
	if !has(rule.Verbs, a.Verb) {
		return false
	}
	if a.Resource.Resource == "" {
		return slices.ContainsFunc(rule.NonResourceURLs, func(url string) bool { return pathMatches(url, a.Path) })
	}
	return has(rule.APIGroups, a.Resource.Group) &&
		slices.ContainsFunc(rule.Resources, func(r string) bool {
			return resourceMatches(r, a.Resource.Resource, a.Subresource)
		}) &&
		(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, a.Name))
}

// has reports whether a list of a rule has a word or the star in it.
func has(list []string, word string) bool {
	return slices.Contains(list, rbacv1.VerbAll) || slices.Contains(list, word)
}

// resourceMatches compares a rule's resource: "*", "pods", "pods/log" or
// "*/scale". "pods" does not speak for its subresources.
func resourceMatches(ruled, resource, subresource string) bool {
	if ruled == rbacv1.ResourceAll {
		return true
	}
	if subresource == "" {
		return ruled == resource
	}
	return ruled == resource+"/"+subresource || ruled == "*/"+subresource
}

// pathMatches compares a rule's path, whose star may stand at the end only.
func pathMatches(ruled, path string) bool {
	if prefix, ok := strings.CutSuffix(ruled, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return ruled == path
}

// subjectMatches reports whether a binding's subject is the user. A service
// account without a namespace is one of the binding's own.
func subjectMatches(s *rbacv1.Subject, user *apiserver.User, namespace string) bool {
	switch s.Kind {
	case rbacv1.UserKind:
		return s.Name == user.Name
	case rbacv1.GroupKind:
		return slices.Contains(user.Groups, s.Name)
	case rbacv1.ServiceAccountKind:
		if s.Namespace != "" {
			namespace = s.Namespace
		}
		return namespace != "" && ServiceAccountUser(namespace, s.Name) == user.Name
	}
	return false
}

// uncovered returns the rules of wanted, broken down to single permissions, that
// held does not imply.
func uncovered(held, wanted []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	var missing []rbacv1.PolicyRule
	for _, rule := range wanted {
		for atom := range atoms(&rule) {
			if !slices.ContainsFunc(held, func(h rbacv1.PolicyRule) bool { return implies(&h, atom) }) {
				missing = append(missing, *atom)
			}
		}
	}
	return missing
}

// atoms breaks a rule down into rules of one verb on one thing each.
func atoms(rule *rbacv1.PolicyRule) func(yield func(*rbacv1.PolicyRule) bool) {
	names := [][]string{nil}
	if len(rule.ResourceNames) > 0 {
		names = nil
		for _, name := range rule.ResourceNames {
			names = append(names, []string{name})
		}
	}
	return func(yield func(*rbacv1.PolicyRule) bool) {
		for _, verb := range rule.Verbs {
			verbs := []string{verb}
			for _, url := range rule.NonResourceURLs {
				if !yield(&rbacv1.PolicyRule{Verbs: verbs, NonResourceURLs: []string{url}}) {
					return
				}
			}
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, name := range names {
						if !yield(&rbacv1.PolicyRule{
							Verbs: verbs, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: name,
						}) {
							return
						}
					}
				}
			}
		}
	}
}

// implies reports whether held allows all that atom does. A star in the atom is
// covered by a star only.
func implies(held, atom *rbacv1.PolicyRule) bool {
	if !has(held.Verbs, atom.Verbs[0]) {
		return false
	}
	if len(atom.NonResourceURLs) > 0 {
		return slices.ContainsFunc(held.NonResourceURLs, func(url string) bool { return pathMatches(url, atom.NonResourceURLs[0]) })
	}
	resource, subresource, _ := strings.Cut(atom.Resources[0], "/")
	return has(held.APIGroups, atom.APIGroups[0]) &&
		slices.ContainsFunc(held.Resources, func(r string) bool { return resourceMatches(r, resource, subresource) }) &&
		(len(held.ResourceNames) == 0 ||
			len(atom.ResourceNames) > 0 && slices.Contains(held.ResourceNames, atom.ResourceNames[0]))
}

package audit

import (
	"slices"
	"strings"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// Rule returns how much to keep of a request.
func (p *Policy) Rule(a *apiserver.Attributes) apiserver.AuditRule {
	for i := range p.rules {
		if r := &p.rules[i]; r.matches(a) {
			return r.keep
		}
	}
	return apiserver.AuditRule{Level: auditv1.LevelNone}
}

// matches says whether the rule is for a request: all that it names must fit.
func (r *rule) matches(a *apiserver.Attributes) bool {
	var user apiserver.User
	if a.User != nil {
		user = *a.User
	}
	inOneOf := func(group string) bool { return slices.Contains(r.UserGroups, group) }
	switch {
	case len(r.Users) > 0 && (a.User == nil || !slices.Contains(r.Users, user.Name)):
		return false
	case len(r.UserGroups) > 0 && !slices.ContainsFunc(user.Groups, inOneOf):
		return false
	case len(r.Verbs) > 0 && !slices.Contains(r.Verbs, a.Verb):
		return false
	case len(r.Namespaces)+len(r.Resources) > 0:
		return a.Path == "" && r.matchesResource(a)
	case len(r.NonResourceURLs) > 0:
		return a.Path != "" && slices.ContainsFunc(r.NonResourceURLs, func(url string) bool { return pathMatches(url, a.Path) })
	default:
		return true
	}
}

// matchesResource says whether the rule is for what a request is about. What is in
// no namespace is in the namespace "".
func (r *rule) matchesResource(a *apiserver.Attributes) bool {
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, a.Namespace) {
		return false
	}
	return len(r.Resources) == 0 ||
		slices.ContainsFunc(r.Resources, func(gr auditv1.GroupResources) bool { return resourceMatches(&gr, a) })
}

func resourceMatches(gr *auditv1.GroupResources, a *apiserver.Attributes) bool {
	switch {
	case gr.Group != "*" && gr.Group != a.Resource.Group:
		return false
	case len(gr.Resources) == 0:
		return true
	case len(gr.ResourceNames) > 0 && !slices.Contains(gr.ResourceNames, a.Name):
		return false
	}
	return slices.ContainsFunc(gr.Resources, func(pattern string) bool {
		resource, subresource, _ := strings.Cut(pattern, "/")
		switch {
		case pattern == "*":
			return true
		case subresource == "*":
			return resource == a.Resource.Resource // and the resource itself, as in Kubernetes
		case resource == "*":
			return subresource == a.Subresource && subresource != ""
		default:
			return resource == a.Resource.Resource && subresource == a.Subresource
		}
	})
}

// pathMatches says whether a path is the one of a rule, or below it if that ends
// in an asterisk.
func pathMatches(pattern, path string) bool {
	prefix, below := strings.CutSuffix(pattern, "*")
	return pattern == path || below && strings.HasPrefix(path, prefix)
}

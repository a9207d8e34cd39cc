package kinds

import (
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// Roles say what may be done; the bindings of rbac_binding.go say by whom.

func roles() *api.Resource {
	return &api.Resource{
		GroupVersionKind: rbacv1.SchemeGroupVersion.WithKind("Role"),
		Plural:           "roles",
		Singular:         "role",
		Namespaced:       true,
		New:              func() api.Object { return &rbacv1.Role{} },
		NewList:          func() runtime.Object { return &rbacv1.RoleList{} },
		ValidateName:     pathSegment,
		Validate:         rule(func(j *judge, r *rbacv1.Role) { checkPolicyRules(j, r.Rules, true) }),
		CreateOnUpdate:   true,
		Columns:          createdAtColumns(),
	}
}

func clusterRoles() *api.Resource {
	return &api.Resource{
		GroupVersionKind: rbacv1.SchemeGroupVersion.WithKind("ClusterRole"),
		Plural:           "clusterroles",
		Singular:         "clusterrole",
		New:              func() api.Object { return &rbacv1.ClusterRole{} },
		NewList:          func() runtime.Object { return &rbacv1.ClusterRoleList{} },
		ValidateName:     pathSegment,
		Validate:         rule(checkClusterRole),
		CreateOnUpdate:   true,
		Columns:          createdAtColumns(),
	}
}

// pathSegment judges a name that only has to fit into a URL's path, or the
// beginning of one from which a name is generated.
func pathSegment(name string, prefix bool) []string {
	if prefix {
		return content.IsPathSegmentPrefix(name)
	}
	return content.IsPathSegmentName(name)
}

// createdAtColumns are those of kinds to which Kubernetes gives no table of
// their own.
func createdAtColumns() []api.Column {
	return table(api.Column{
		Name: "Created At", Type: "date",
		Description: metav1.ObjectMeta{}.SwaggerDoc()["creationTimestamp"],
		Value: func(obj api.Object) any {
			return obj.GetCreationTimestamp().UTC().Format(time.RFC3339)
		},
	})
}

func checkClusterRole(j *judge, r *rbacv1.ClusterRole) {
	checkPolicyRules(j, r.Rules, false)
	if r.AggregationRule == nil {
		return
	}
	selectors := field.NewPath("aggregationRule", "clusterRoleSelectors")
	if len(r.AggregationRule.ClusterRoleSelectors) == 0 {
		j.required(selectors, "at least one clusterRoleSelector required if aggregationRule is non-nil")
	}
	for i := range r.AggregationRule.ClusterRoleSelectors {
		selector := &r.AggregationRule.ClusterRoleSelectors[i]
		checkSelector(j, selector, selectors.Index(i))
		if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
			j.invalid(selectors.Index(i), nil, "invalid label selector.")
		}
	}
}

func checkPolicyRules(j *judge, rules []rbacv1.PolicyRule, namespaced bool) {
	for i, rule := range rules {
		path := field.NewPath("rules").Index(i)
		if len(rule.Verbs) == 0 {
			j.later(func(j *judge) { j.required(path.Child("verbs"), "") })
		}
		if len(rule.NonResourceURLs) > 0 {
			urls := path.Child("nonResourceURLs")
			if namespaced {
				j.invalid(urls, rule.NonResourceURLs, "namespaced rules cannot apply to non-resource URLs")
			}
			if len(rule.APIGroups) > 0 || len(rule.Resources) > 0 || len(rule.ResourceNames) > 0 {
				j.invalid(urls, rule.NonResourceURLs, "rules cannot apply to both regular resources and non-resource URLs")
			}
			continue
		}
		if len(rule.APIGroups) == 0 {
			j.required(path.Child("apiGroups"), "resource rules must supply at least one api group")
		}
		if len(rule.Resources) == 0 {
			j.required(path.Child("resources"), "resource rules must supply at least one resource")
		}
	}
}

// checkSelector judges a label selector; nil selects nothing and is fine.
func checkSelector(j *judge, s *metav1.LabelSelector, path *field.Path) {
	j.add(metavalidation.ValidateLabelSelector(s, metavalidation.LabelSelectorValidationOptions{}, path))
}

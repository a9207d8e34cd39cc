package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// RBAC allows what the stored roles allow those that the stored bindings bind to
// them. It never denies: permissions add up.
type RBAC struct {
	Objects apiserver.Objects
}

// Authorize implements apiserver.Authorizer.
func (r RBAC) Authorize(ctx context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	if a.User == nil {
		return apiserver.NoOpinion, "", nil
	}
	decision, reason := apiserver.NoOpinion, ""
	err := r.grants(ctx, a.User, a.Namespace, func(by func() string, rules []rbacv1.PolicyRule) bool {
		if slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool { return ruleAllows(&rule, a) }) {
			decision, reason = apiserver.Allow, "RBAC: allowed by "+by()
		}
		return decision == apiserver.NoOpinion
	})
	if decision == apiserver.Allow {
		err = nil
	}
	return decision, reason, err
}

// Rules returns all rules that hold for a user in a namespace, or in none. What
// could be found is returned beside an error.
func (r RBAC) Rules(ctx context.Context, user *apiserver.User, namespace string) ([]rbacv1.PolicyRule, error) {
	var all []rbacv1.PolicyRule
	err := r.grants(ctx, user, namespace, func(_ func() string, rules []rbacv1.PolicyRule) bool {
		all = append(all, rules...)
		return true
	})
	return all, err
}

// grants calls visit with the rules of each binding of the user, until it
// returns false: first those for the whole cluster, then the namespace's.
// Broken bindings grant nothing and do not hide others; they end up in the error.
func (r RBAC) grants(ctx context.Context, user *apiserver.User, namespace string, visit func(by func() string, rules []rbacv1.PolicyRule) bool) error {
	var errs []error
	consider := func(kind, name, bindingNamespace string, subjects []rbacv1.Subject, role rbacv1.RoleRef) bool {
		who := slices.IndexFunc(subjects, func(s rbacv1.Subject) bool { return subjectMatches(&s, user, bindingNamespace) })
		if who < 0 {
			return true
		}
		rules, err := r.RoleRules(ctx, role, bindingNamespace)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", kind, name, err))
			return true
		}
		return visit(func() string {
			return fmt.Sprintf("%s %q of %s %q to %s", kind, name, role.Kind, role.Name, nameSubject(&subjects[who], bindingNamespace))
		}, rules)
	}

	cluster, err := typed.List[*rbacv1.ClusterRoleBinding](ctx, r.Objects, "")
	if err != nil {
		return err
	}
	for _, b := range cluster {
		if !consider("ClusterRoleBinding", b.Name, "", b.Subjects, b.RoleRef) {
			return nil
		}
	}
	if namespace == "" {
		return errors.Join(errs...)
	}
	local, err := typed.List[*rbacv1.RoleBinding](ctx, r.Objects, namespace)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, b := range local {
		if !consider("RoleBinding", b.Name+"/"+b.Namespace, b.Namespace, b.Subjects, b.RoleRef) {
			return nil
		}
	}
	return errors.Join(errs...)
}

// nameSubject says who a binding is for.
func nameSubject(s *rbacv1.Subject, bindingNamespace string) string {
	if s.Kind == rbacv1.ServiceAccountKind {
		return fmt.Sprintf("%s %q", s.Kind, s.Name+"/"+cmp.Or(s.Namespace, bindingNamespace))
	}
	return fmt.Sprintf("%s %q", s.Kind, s.Name)
}

// RoleRules returns the rules of a role. Namespace is that of the binding.
func (r RBAC) RoleRules(ctx context.Context, role rbacv1.RoleRef, namespace string) ([]rbacv1.PolicyRule, error) {
	switch {
	case role.Kind == "ClusterRole":
		found, err := typed.Get[*rbacv1.ClusterRole](ctx, r.Objects, "", role.Name)
		if err != nil {
			return nil, err
		}
		return r.aggregate(ctx, found)
	case role.Kind == "Role" && namespace != "":
		found, err := typed.Get[*rbacv1.Role](ctx, r.Objects, namespace, role.Name)
		if err != nil {
			return nil, err
		}
		return found.Rules, nil
	}
	return nil, apierrors.NewBadRequest(fmt.Sprintf("cannot refer to a role of kind %q here", role.Kind))
}

// aggregate returns the rules of a cluster role, or if it takes in others by
// label theirs. A controller writes the union into the role for people to read;
// computed when asked, it is never out of date, and needs no controller.
func (r RBAC) aggregate(ctx context.Context, role *rbacv1.ClusterRole) ([]rbacv1.PolicyRule, error) {
	if role.AggregationRule == nil {
		return role.Rules, nil // most need no list
	}
	all, err := typed.List[*rbacv1.ClusterRole](ctx, r.Objects, "")
	if err != nil {
		return nil, err
	}
	return aggregated(role, all)
}

// aggregated follows the labels through all, roles that aggregate themselves
// included. The rules that stand in an aggregating role are the union of some time
// ago and do not count.
func aggregated(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) ([]rbacv1.PolicyRule, error) {
	if role.AggregationRule == nil {
		return role.Rules, nil
	}
	var rules []rbacv1.PolicyRule
	seen := map[string]bool{role.Name: true}
	var add func(*rbacv1.ClusterRole) error
	add = func(from *rbacv1.ClusterRole) error {
		if from.AggregationRule == nil {
			return nil
		}
		for _, selector := range from.AggregationRule.ClusterRoleSelectors {
			matches, err := metav1.LabelSelectorAsSelector(&selector)
			if err != nil {
				return fmt.Errorf("aggregation rule of ClusterRole %q: %w", from.Name, err)
			}
			for _, other := range all {
				if seen[other.Name] || !matches.Matches(labels.Set(other.Labels)) {
					continue
				}
				seen[other.Name] = true
				if other.AggregationRule == nil {
					rules = append(rules, other.Rules...)
				}
				if err := add(other); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := add(role)
	return rules, err
}

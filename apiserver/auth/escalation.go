package auth

import (
	"context"
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/apiserver"
)

// Escalation is the admission hook that keeps people from giving away, or to
// themselves, what they do not have: who writes a role must hold all that is in
// it or have the verb "escalate" on it; who writes a binding must hold all that
// the role gives or have the verb "bind" on the role
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).
type Escalation struct {
	RBAC       RBAC
	Authorizer apiserver.Authorizer
}

var _ apiserver.Hook = Escalation{}

// Mutate implements apiserver.Hook.
func (Escalation) Mutate(context.Context, *apiserver.Admission) error { return nil }

// Validate implements apiserver.Hook.
func (e Escalation) Validate(ctx context.Context, a *apiserver.Admission) error {
	if a.Operation != apiserver.Create && a.Operation != apiserver.Update || a.User == nil {
		return nil
	}
	switch obj := a.Object.(type) {
	case *rbacv1.Role:
		if old, ok := a.Old.(*rbacv1.Role); ok && equality.Semantic.DeepEqual(old.Rules, obj.Rules) {
			return nil
		}
		return e.checkRole(ctx, a, obj.Rules, "")
	case *rbacv1.ClusterRole:
		return e.checkClusterRole(ctx, a, obj)
	case *rbacv1.RoleBinding:
		if old, ok := a.Old.(*rbacv1.RoleBinding); ok && sameBinding(old.Subjects, obj.Subjects, old.RoleRef, obj.RoleRef) {
			return nil
		}
		return e.checkBinding(ctx, a, obj.RoleRef)
	case *rbacv1.ClusterRoleBinding:
		if old, ok := a.Old.(*rbacv1.ClusterRoleBinding); ok && sameBinding(old.Subjects, obj.Subjects, old.RoleRef, obj.RoleRef) {
			return nil
		}
		return e.checkBinding(ctx, a, obj.RoleRef)
	}
	return nil
}

// checkClusterRole looks at an aggregating role as at one that allows
// everything, because nobody knows what it will take in later.
func (e Escalation) checkClusterRole(ctx context.Context, a *apiserver.Admission, obj *rbacv1.ClusterRole) error {
	old, _ := a.Old.(*rbacv1.ClusterRole)
	if old == nil {
		old = &rbacv1.ClusterRole{}
	}
	if obj.AggregationRule != nil && !equality.Semantic.DeepEqual(old.AggregationRule, obj.AggregationRule) {
		everything := []rbacv1.PolicyRule{
			{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}},
			{Verbs: []string{"*"}, NonResourceURLs: []string{"*"}},
		}
		if err := e.checkRole(ctx, a, everything, "must have cluster-admin privileges to use an aggregationRule: "); err != nil {
			return err
		}
	}
	// Labels count too: one of them may make another role take this one in.
	if equality.Semantic.DeepEqual(old.Rules, obj.Rules) && equality.Semantic.DeepEqual(old.Labels, obj.Labels) {
		return nil
	}
	return e.checkRole(ctx, a, obj.Rules, "")
}

func (e Escalation) checkRole(ctx context.Context, a *apiserver.Admission, rules []rbacv1.PolicyRule, why string) error {
	if e.may(ctx, a, "escalate", a.Resource.GroupVersionResource(), a.Name) {
		return nil
	}
	return e.checkHeld(ctx, a, rules, why)
}

func (e Escalation) checkBinding(ctx context.Context, a *apiserver.Admission, role rbacv1.RoleRef) error {
	resource := rbacv1.SchemeGroupVersion.WithResource("clusterroles")
	if role.Kind == "Role" {
		resource = rbacv1.SchemeGroupVersion.WithResource("roles")
	}
	if e.may(ctx, a, "bind", resource, role.Name) {
		return nil
	}
	rules, err := e.RBAC.RoleRules(ctx, role, a.Namespace)
	if err != nil {
		return err
	}
	return e.checkHeld(ctx, a, rules, "")
}

func (e Escalation) may(ctx context.Context, a *apiserver.Admission, verb string, resource schema.GroupVersionResource, name string) bool {
	return allowed(ctx, e.Authorizer, &apiserver.Attributes{
		User: a.User, Verb: verb, Resource: resource, Namespace: a.Namespace, Name: name,
	})
}

func (e Escalation) checkHeld(ctx context.Context, a *apiserver.Admission, rules []rbacv1.PolicyRule, why string) error {
	held, err := e.RBAC.Rules(ctx, a.User, a.Namespace)
	missing := uncovered(held, rules)
	if len(missing) == 0 {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%suser %q (groups=%q) is attempting to grant RBAC permissions not currently held:", why, a.User.Name, a.User.Groups)
	for _, rule := range missing {
		text.WriteString("\n" + describe(&rule))
	}
	if err != nil {
		fmt.Fprintf(&text, "; resolution errors: %v", err)
	}
	return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf("%s", text.String()))
}

func describe(rule *rbacv1.PolicyRule) string {
	if len(rule.NonResourceURLs) > 0 {
		return fmt.Sprintf("{NonResourceURLs:%q, Verbs:%q}", rule.NonResourceURLs, rule.Verbs)
	}
	if len(rule.ResourceNames) > 0 {
		return fmt.Sprintf("{APIGroups:%q, Resources:%q, ResourceNames:%q, Verbs:%q}",
			rule.APIGroups, rule.Resources, rule.ResourceNames, rule.Verbs)
	}
	return fmt.Sprintf("{APIGroups:%q, Resources:%q, Verbs:%q}", rule.APIGroups, rule.Resources, rule.Verbs)
}

func sameBinding(oldSubjects, subjects []rbacv1.Subject, oldRole, role rbacv1.RoleRef) bool {
	return oldRole == role && equality.Semantic.DeepEqual(oldSubjects, subjects)
}

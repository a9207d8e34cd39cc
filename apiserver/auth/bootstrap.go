package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

const (
	bootstrapLabel  = "kubernetes.io/bootstrapping"
	aggregateLabel  = "rbac.authorization.k8s.io/aggregate-to-"
	extensionReader = "extension-apiserver-authentication-reader"
)

// Bootstrap makes the policy of policy.go true in the store: it creates what is
// missing and adds the rules and subjects that are missing in what is there. What
// others added stays. A role or binding with the annotation
// rbac.authorization.kubernetes.io/autoupdate=false is left alone.
func Bootstrap(ctx context.Context, objects apiserver.Objects) error {
	for _, role := range ClusterRoles() {
		if err := typed.Ensure(ctx, objects, role, completeRole(role)); err != nil {
			return fmt.Errorf("bootstrap ClusterRole %s: %w", role.Name, err)
		}
	}
	for _, binding := range ClusterRoleBindings() {
		if err := typed.Ensure(ctx, objects, binding, completeBinding(binding)); err != nil {
			return fmt.Errorf("bootstrap ClusterRoleBinding %s: %w", binding.Name, err)
		}
	}
	for _, role := range Roles() {
		if err := typed.Ensure(ctx, objects, role, nil); err != nil {
			return fmt.Errorf("bootstrap Role %s/%s: %w", role.Namespace, role.Name, err)
		}
	}
	for _, binding := range RoleBindings() {
		if err := typed.Ensure(ctx, objects, binding, nil); err != nil {
			return fmt.Errorf("bootstrap RoleBinding %s/%s: %w", binding.Namespace, binding.Name, err)
		}
	}
	return nil
}

// ClusterRoles returns the roles of the bootstrap policy, new at each call. Those
// that take others in have the union as their rules already, for readers.
func ClusterRoles() []*rbacv1.ClusterRole {
	var roles []*rbacv1.ClusterRole
	for _, g := range grants() {
		role := &rbacv1.ClusterRole{ObjectMeta: bootstrapMeta(g.role), Rules: g.rules}
		if g.aggregates != "" {
			role.Labels[aggregateLabel+g.aggregates] = "true"
		}
		if g.takesIn {
			role.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{
				{MatchLabels: map[string]string{aggregateLabel + g.role: "true"}},
			}}
		}
		roles = append(roles, role)
	}
	var unions [][]rbacv1.PolicyRule
	for _, role := range roles {
		union, err := aggregated(role, roles)
		if err != nil {
			panic("the bootstrap policy has a bad selector: " + err.Error())
		}
		unions = append(unions, union)
	}
	for i, union := range unions {
		roles[i].Rules = union
	}
	return roles
}

// ClusterRoleBindings returns the bindings of the bootstrap policy, new at each
// call. Each has the name of its role.
func ClusterRoleBindings() []*rbacv1.ClusterRoleBinding {
	var bindings []*rbacv1.ClusterRoleBinding
	for _, g := range grants() {
		if len(g.to) == 0 {
			continue
		}
		bindings = append(bindings, &rbacv1.ClusterRoleBinding{
			ObjectMeta: bootstrapMeta(g.role),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: g.role},
			Subjects:   subjects(g.to),
		})
	}
	return bindings
}

// Roles returns the roles of single namespaces, new at each call.
func Roles() []*rbacv1.Role {
	var roles []*rbacv1.Role
	for _, g := range localGrants() {
		role := &rbacv1.Role{ObjectMeta: bootstrapMeta(g.role), Rules: g.rules}
		role.Namespace = g.namespace
		roles = append(roles, role)
	}
	return roles
}

// RoleBindings returns the bindings of [Roles], new at each call.
func RoleBindings() []*rbacv1.RoleBinding {
	var bindings []*rbacv1.RoleBinding
	for _, g := range localGrants() {
		binding := &rbacv1.RoleBinding{
			ObjectMeta: bootstrapMeta(g.role),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: g.role},
			Subjects:   subjects(g.to),
		}
		if g.role == extensionReader {
			binding.Name = "system::" + extensionReader
		}
		binding.Namespace = g.namespace
		bindings = append(bindings, binding)
	}
	return bindings
}

func subjects(to []string) []rbacv1.Subject {
	var all []rbacv1.Subject
	for _, each := range to {
		all = append(all, subject(each))
	}
	return all
}

// subject reads "user:NAME", "group:NAME" or "account:NAME".
func subject(to string) rbacv1.Subject {
	kind, name, _ := strings.Cut(to, ":")
	switch kind {
	case "user":
		return rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name}
	case "group":
		return rbacv1.Subject{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: name}
	}
	return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: metav1.NamespaceSystem, Name: name}
}

func bootstrapMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:        name,
		Labels:      map[string]string{bootstrapLabel: "rbac-defaults"},
		Annotations: map[string]string{rbacv1.AutoUpdateAnnotationKey: "true"},
	}
}

func completeRole(want *rbacv1.ClusterRole) func(*rbacv1.ClusterRole) error {
	return func(have *rbacv1.ClusterRole) error {
		if have.Annotations[rbacv1.AutoUpdateAnnotationKey] == "false" {
			return nil
		}
		have.Rules = append(have.Rules, uncovered(have.Rules, want.Rules)...)
		if have.AggregationRule == nil {
			have.AggregationRule = want.AggregationRule
		}
		return nil
	}
}

func completeBinding(want *rbacv1.ClusterRoleBinding) func(*rbacv1.ClusterRoleBinding) error {
	return func(have *rbacv1.ClusterRoleBinding) error {
		if have.Annotations[rbacv1.AutoUpdateAnnotationKey] == "false" {
			return nil
		}
		for _, s := range want.Subjects {
			if !slices.Contains(have.Subjects, s) {
				have.Subjects = append(have.Subjects, s)
			}
		}
		return nil
	}
}

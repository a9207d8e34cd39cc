package kinds

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	rbacv1beta1 "k8s.io/api/rbac/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func roleBindings() *api.Resource {
	return &api.Resource{
		GroupVersionKind: rbacv1.SchemeGroupVersion.WithKind("RoleBinding"),
		Plural:           "rolebindings",
		Singular:         "rolebinding",
		Namespaced:       true,
		New:              func() api.Object { return &rbacv1.RoleBinding{} },
		NewList:          func() runtime.Object { return &rbacv1.RoleBindingList{} },
		Default: api.Do(func(b *rbacv1.RoleBinding) {
			defaultBinding(&b.RoleRef, b.Subjects)
		}),
		ValidateName: pathSegment,
		Validate: rule(func(j *judge, b *rbacv1.RoleBinding) {
			checkBinding(j, b.RoleRef, b.Subjects, "Role", "ClusterRole")
		}),
		ValidateUpdate: pairRule(func(j *judge, b, old *rbacv1.RoleBinding) {
			checkRoleRefUpdate(j, b.RoleRef, old.RoleRef)
		}),
		CreateOnUpdate: true,
		Columns: bindingColumns("roleBinding", docs(rbacv1beta1.RoleBinding{}, "roleRef"), func(b *rbacv1.RoleBinding) (rbacv1.RoleRef, []rbacv1.Subject) {
			return b.RoleRef, b.Subjects
		}),
	}
}

func clusterRoleBindings() *api.Resource {
	return &api.Resource{
		GroupVersionKind: rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"),
		Plural:           "clusterrolebindings",
		Singular:         "clusterrolebinding",
		New:              func() api.Object { return &rbacv1.ClusterRoleBinding{} },
		NewList:          func() runtime.Object { return &rbacv1.ClusterRoleBindingList{} },
		Default: api.Do(func(b *rbacv1.ClusterRoleBinding) {
			defaultBinding(&b.RoleRef, b.Subjects)
		}),
		ValidateName: pathSegment,
		Validate: rule(func(j *judge, b *rbacv1.ClusterRoleBinding) {
			checkBinding(j, b.RoleRef, b.Subjects, "ClusterRole")
		}),
		ValidateUpdate: pairRule(func(j *judge, b, old *rbacv1.ClusterRoleBinding) {
			checkRoleRefUpdate(j, b.RoleRef, old.RoleRef)
		}),
		CreateOnUpdate: true,
		Columns: bindingColumns("clusterRoleBinding", docs(rbacv1beta1.ClusterRoleBinding{}, "roleRef"), func(b *rbacv1.ClusterRoleBinding) (rbacv1.RoleRef, []rbacv1.Subject) {
			return b.RoleRef, b.Subjects
		}),
	}
}

func defaultBinding(ref *rbacv1.RoleRef, subjects []rbacv1.Subject) {
	setDefault(&ref.APIGroup, rbacv1.GroupName)
	for i := range subjects {
		if kind := subjects[i].Kind; kind == rbacv1.UserKind || kind == rbacv1.GroupKind {
			setDefault(&subjects[i].APIGroup, rbacv1.GroupName)
		}
	}
}

// checkBinding judges a binding. That of a namespace may name a Role, and a
// service account in it without saying where.
func checkBinding(j *judge, ref rbacv1.RoleRef, subjects []rbacv1.Subject, kinds ...string) {
	roleRef := field.NewPath("roleRef")
	supported(j, roleRef.Child("apiGroup"), ref.APIGroup, rbacv1.GroupName)
	supported(j, roleRef.Child("kind"), ref.Kind, kinds...)
	if j.filled(roleRef.Child("name"), ref.Name) {
		j.invalid(roleRef.Child("name"), ref.Name, pathSegment(ref.Name, false)...)
	}
	namespaced := slices.Contains(kinds, "Role")
	for i, subject := range subjects {
		checkSubject(j, subject, namespaced, field.NewPath("subjects").Index(i))
	}
}

func checkSubject(j *judge, s rbacv1.Subject, namespaced bool, path *field.Path) {
	j.filled(path.Child("name"), s.Name)
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		if s.Name != "" {
			j.subdomain(path.Child("name"), s.Name)
		}
		supported(j, path.Child("apiGroup"), s.APIGroup, "")
		if !namespaced {
			j.filled(path.Child("namespace"), s.Namespace)
		}
	case rbacv1.UserKind, rbacv1.GroupKind:
		supported(j, path.Child("apiGroup"), s.APIGroup, rbacv1.GroupName)
	default:
		supported(j, path.Child("kind"), s.Kind, rbacv1.ServiceAccountKind, rbacv1.UserKind, rbacv1.GroupKind)
	}
}

// checkRoleRefUpdate keeps the role: who may change a binding's subjects must
// not thereby hand out another role.
func checkRoleRefUpdate(j *judge, ref, old rbacv1.RoleRef) {
	j.unchanged(field.NewPath("roleRef"), ref, old)
}

// bindingColumns take what they say of the role from an older version of the group,
// as kube-apiserver does.
func bindingColumns[T api.Object](kind, role string, parts func(T) (rbacv1.RoleRef, []rbacv1.Subject)) []api.Column {
	subjects := func(kind string) func(T) string {
		return func(obj T) string {
			_, subjects := parts(obj)
			return subjectsText(subjects, kind)
		}
	}
	return table(
		text("Role", role, func(obj T) string {
			ref, _ := parts(obj)
			return ref.Kind + "/" + ref.Name
		}),
		api.AgeColumn(),
		wide(text("Users", "Users in the "+kind, subjects(rbacv1.UserKind))),
		wide(text("Groups", "Groups in the "+kind, subjects(rbacv1.GroupKind))),
		wide(text("ServiceAccounts", "ServiceAccounts in the "+kind, subjects(rbacv1.ServiceAccountKind))),
	)
}

func subjectsText(subjects []rbacv1.Subject, kind string) string {
	var names []string
	for _, s := range subjects {
		switch {
		case s.Kind != kind:
		case kind == rbacv1.ServiceAccountKind:
			names = append(names, s.Namespace+"/"+s.Name)
		default:
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}

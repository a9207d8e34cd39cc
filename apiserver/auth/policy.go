package auth

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// This file and those beside it are the policy that every cluster starts with,
// as data: policy_people.go for those who use a cluster, policy_components.go and
// policy_controllers.go for what runs it. The names and what they allow are
// Kubernetes' own
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings);
// what our own parts need besides stands by itself, in [additions].
//
// A line reads: allow VERBS, in API GROUPS, on RESOURCES.

const (
	read      = "get list watch"
	readWrite = "create delete deletecollection get list patch update watch"
	write     = "create delete deletecollection patch update"
)

// A grant is a role and who has it from the start.
type grant struct {
	role string
	// namespace makes it a Role there; without one it is a ClusterRole.
	namespace string
	// to lists "user:NAME", "group:NAME" and "account:NAME" (in kube-system).
	to    []string
	rules []rbacv1.PolicyRule
	// aggregates names the roles that take this one in; takesIn makes this
	// role take in those that say so.
	aggregates string
	takesIn    bool
}

// grants returns the whole policy for cluster roles, new at each call.
func grants() []grant {
	all := slices.Concat(people(), everybody(), certificates(), components(), controllers())
	more := additions()
	for i := range all {
		all[i].rules = append(all[i].rules, more[all[i].role].rules...)
		all[i].to = append(all[i].to, more[all[i].role].to...)
	}
	return all
}

// localGrants returns the policy for roles of one namespace.
func localGrants() []grant {
	leading := func(component string, to ...string) grant {
		return grant{
			role: "system::leader-locking-" + component, namespace: metav1.NamespaceSystem,
			to: append(to, "user:system:"+component, "account:"+component),
			rules: []rbacv1.PolicyRule{
				allow("create get list update watch", "coordination.k8s.io", "leases", "leasecandidates"),
			},
		}
	}
	return []grant{
		{
			role: extensionReader, namespace: metav1.NamespaceSystem,
			to:    []string{"user:system:kube-controller-manager", "user:system:kube-scheduler"},
			rules: []rbacv1.PolicyRule{allowNamed(read, "", "configmaps", "extension-apiserver-authentication")},
		},
		leading("kube-controller-manager", "account:leader-election-controller"),
		leading("kube-scheduler"),
		{
			role: "system:controller:bootstrap-signer", namespace: metav1.NamespaceSystem, to: []string{"account:bootstrap-signer"},
			rules: []rbacv1.PolicyRule{allow(read, "", "secrets")},
		},
		{
			role: "system:controller:bootstrap-signer", namespace: metav1.NamespacePublic, to: []string{"account:bootstrap-signer"},
			rules: []rbacv1.PolicyRule{
				allow(read, "", "configmaps"), allowNamed("update", "", "configmaps", "cluster-info"), writeEvents(),
			},
		},
		{
			role: "system:controller:cloud-provider", namespace: metav1.NamespaceSystem, to: []string{"account:cloud-provider"},
			rules: []rbacv1.PolicyRule{allow("create get list watch", "", "configmaps")},
		},
		{
			role: "system:controller:token-cleaner", namespace: metav1.NamespaceSystem, to: []string{"account:token-cleaner"},
			rules: []rbacv1.PolicyRule{allow("delete get list watch", "", "secrets"), writeEvents()},
		},
	}
}

// additions are what our own parts need beyond what Kubernetes' do, by role.
// The controllers' are for who runs each under an account of its own.
func additions() map[string]grant {
	return map[string]grant{
		"system:aggregate-to-view":                    {rules: []rbacv1.PolicyRule{allow(read, "metrics.k8s.io", "pods", "nodes")}},
		"system:kubelet-api-admin":                    {to: []string{"user:kube-apiserver-kubelet-client"}},
		"system:node-proxier":                         {to: []string{"account:kube-proxy"}},
		"system:kube-scheduler":                       {rules: []rbacv1.PolicyRule{allow(read, "scheduling.k8s.io", "priorityclasses")}},
		"system:controller:replicaset-controller":     {rules: []rbacv1.PolicyRule{allow("get", "", "pods")}},
		"system:controller:horizontal-pod-autoscaler": {rules: []rbacv1.PolicyRule{allow("get", "metrics.k8s.io", "pods")}},
		"system:controller:persistent-volume-binder":  {rules: []rbacv1.PolicyRule{allow("get", "", "nodes")}},
		"system:controller:pod-garbage-collector":     {rules: []rbacv1.PolicyRule{allow("get update", "", "pods/status")}},
		"system:controller:root-ca-cert-publisher": {rules: []rbacv1.PolicyRule{
			allow(read, "", "configmaps", "namespaces"),
		}},
		"system:controller:service-account-controller": {rules: []rbacv1.PolicyRule{
			allow(read, "", "serviceaccounts", "namespaces"),
		}},
		"system:kube-dns": {to: []string{"user:system:kube-dns"}, rules: []rbacv1.PolicyRule{
			allow(read, "", "endpoints", "services", "pods", "namespaces", "nodes"),
			allow(read, "discovery.k8s.io", "endpointslices"),
			// It says where it answers, in the slice that the API server made.
			allowNamed("update", "discovery.k8s.io", "endpointslices", "kube-dns"),
		}},
	}
}

func writeEvents() rbacv1.PolicyRule {
	return allow("create patch update", "core events.k8s.io", "events")
}

// allow makes a rule. Several groups are separated by spaces, with core for the
// one that has no name.
func allow(verbs, groups string, resources ...string) rbacv1.PolicyRule {
	names := []string{""}
	if groups != "" {
		names = strings.Fields(groups)
		if i := slices.Index(names, "core"); i >= 0 {
			names[i] = ""
		}
	}
	return rbacv1.PolicyRule{Verbs: strings.Fields(verbs), APIGroups: names, Resources: resources}
}

func allowNamed(verbs, group, resource string, names ...string) rbacv1.PolicyRule {
	rule := allow(verbs, group, resource)
	rule.ResourceNames = names
	return rule
}

func allowPaths(verbs string, paths ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Fields(verbs), NonResourceURLs: paths}
}

package auth

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// This file is the policy that every cluster starts with, as data: what the
// components need, and the roles that people are meant to use. The names are
// Kubernetes' own, and so is, in the main, what they allow
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings).
//
// A line reads: allow VERBS, in an API GROUP, on RESOURCES.

const (
	read      = "get list watch"
	readWrite = "create delete deletecollection get list patch update watch"
	write     = "create delete deletecollection patch update"
)

// A grant is a cluster role and who has it from the start.
type grant struct {
	role string
	// to lists "user:NAME", "group:NAME" and "account:NAME" (in kube-system).
	to    []string
	rules []rbacv1.PolicyRule
	// aggregates names the roles that take this one in; takesIn makes this
	// role take in those that say so.
	aggregates string
	takesIn    bool
}

var grants = []grant{
	// People.
	{role: "cluster-admin", to: []string{"group:" + GroupMasters}, rules: []rbacv1.PolicyRule{
		allow("*", "*", "*"),
		allowPaths("*", "*"),
	}},
	{role: "admin", takesIn: true},
	{role: "edit", takesIn: true, aggregates: "admin"},
	{role: "view", takesIn: true, aggregates: "edit"},
	{role: "system:aggregate-to-admin", aggregates: "admin", rules: []rbacv1.PolicyRule{
		allow("create", "authorization.k8s.io", "localsubjectaccessreviews"),
		allow(readWrite, "rbac.authorization.k8s.io", "roles", "rolebindings"),
	}},
	{role: "system:aggregate-to-edit", aggregates: "edit", rules: []rbacv1.PolicyRule{
		allow("get list watch create", "", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"),
		allow(read, "", "secrets", "services/proxy"),
		allow("impersonate", "", "serviceaccounts"),
		allow("create", "", "pods/eviction", "serviceaccounts/token"),
		allow(write, "", "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "configmaps",
			"events", "persistentvolumeclaims", "secrets", "serviceaccounts", "services", "services/proxy"),
		allow(write, "apps", "deployments", "deployments/rollback", "deployments/scale",
			"replicasets", "replicasets/scale", "statefulsets", "statefulsets/scale", "daemonsets"),
		allow(write, "autoscaling", "horizontalpodautoscalers"),
		allow(write, "batch", "jobs", "cronjobs"),
		allow(write, "policy", "poddisruptionbudgets"),
		allow(write, "networking.k8s.io", "ingresses", "networkpolicies"),
		allow(readWrite, "coordination.k8s.io", "leases"),
	}},
	{role: "system:aggregate-to-view", aggregates: "view", rules: []rbacv1.PolicyRule{
		allow(read, "", "bindings", "configmaps", "endpoints", "events", "limitranges", "namespaces", "namespaces/status",
			"persistentvolumeclaims", "persistentvolumeclaims/status", "pods", "pods/log", "pods/status",
			"resourcequotas", "resourcequotas/status", "serviceaccounts", "services", "services/status"),
		allow(read, "discovery.k8s.io", "endpointslices"),
		allow(read, "apps", "controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
			"deployments/status", "replicasets", "replicasets/scale", "replicasets/status",
			"statefulsets", "statefulsets/scale", "statefulsets/status"),
		allow(read, "autoscaling", "horizontalpodautoscalers", "horizontalpodautoscalers/status"),
		allow(read, "batch", "jobs", "jobs/status", "cronjobs", "cronjobs/status"),
		allow(read, "policy", "poddisruptionbudgets", "poddisruptionbudgets/status"),
		allow(read, "networking.k8s.io", "ingresses", "ingresses/status", "networkpolicies"),
		allow(read, "metrics.k8s.io", "pods", "nodes"),
	}},

	// What everybody may know.
	{role: "system:public-info-viewer", to: []string{"group:" + GroupAuthenticated, "group:" + GroupUnauthenticated}, rules: []rbacv1.PolicyRule{
		allowPaths("get", "/healthz", "/livez", "/readyz", "/version", "/version/"),
	}},
	{role: "system:discovery", to: []string{"group:" + GroupAuthenticated}, rules: []rbacv1.PolicyRule{
		allowPaths("get", "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz",
			"/openapi", "/openapi/*", "/version", "/version/"),
	}},
	{role: "system:basic-user", to: []string{"group:" + GroupAuthenticated}, rules: []rbacv1.PolicyRule{
		allow("create", "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
		allow("create", "authentication.k8s.io", "selfsubjectreviews"),
	}},
	{role: "system:service-account-issuer-discovery", to: []string{"group:" + GroupServiceAccounts}, rules: []rbacv1.PolicyRule{
		allowPaths("get", "/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/"),
	}},
	{role: "system:monitoring", to: []string{"group:system:monitoring"}, rules: []rbacv1.PolicyRule{
		allowPaths("get", "/healthz", "/healthz/*", "/livez", "/livez/*", "/readyz", "/readyz/*", "/metrics", "/metrics/slis"),
	}},
	{role: "system:auth-delegator", rules: []rbacv1.PolicyRule{
		allow("create", "authentication.k8s.io", "tokenreviews"),
		allow("create", "authorization.k8s.io", "subjectaccessreviews"),
	}},

	// Nodes. The role is for clusters without the node authorizer, bound to nobody.
	{role: "system:node", rules: nodeRules},
	{role: "system:node-bootstrapper", rules: []rbacv1.PolicyRule{
		allow("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
	}},
	{role: "system:kubelet-api-admin", to: []string{"user:kube-apiserver-kubelet-client"}, rules: []rbacv1.PolicyRule{
		allow(read, "", "nodes"),
		allow("proxy", "", "nodes"),
		allow("*", "", "nodes/configz", "nodes/healthz", "nodes/log", "nodes/metrics", "nodes/pods", "nodes/proxy",
			"nodes/spec", "nodes/stats"),
	}},
	{role: "system:node-proxier", to: []string{"user:system:kube-proxy", "account:kube-proxy"}, rules: []rbacv1.PolicyRule{
		allow("list watch", "", "services", "endpoints"),
		allow(read, "", "nodes"),
		allow("list watch", "discovery.k8s.io", "endpointslices"),
		allow("list watch", "networking.k8s.io", "servicecidrs"),
		writeEvents("")[0], writeEvents("events.k8s.io")[0],
	}},
	{role: "system:kube-dns", to: []string{"user:system:kube-dns", "account:kube-dns"}, rules: []rbacv1.PolicyRule{
		allow(read, "", "endpoints", "services", "pods", "namespaces", "nodes"),
		allow(read, "discovery.k8s.io", "endpointslices"),
		// It says where it answers, in the slice that the API server made.
		allowNamed("update", "discovery.k8s.io", "endpointslices", "kube-dns"),
	}},

	// The scheduler.
	{role: "system:kube-scheduler", to: []string{"user:system:kube-scheduler"}, rules: append([]rbacv1.PolicyRule{
		allow("create", "coordination.k8s.io", "leases"),
		allowNamed("get list update watch", "coordination.k8s.io", "leases", "kube-scheduler"),
		allow(read, "", "nodes", "namespaces"),
		allow("delete get list watch", "", "pods"),
		allow("create", "", "pods/binding", "bindings"),
		allow("patch update", "", "pods/status"),
		allow(read, "", "replicationcontrollers", "services", "persistentvolumeclaims", "persistentvolumes"),
		allow(read, "apps", "replicasets", "statefulsets"),
		allow(read, "policy", "poddisruptionbudgets"),
		allow(read, "scheduling.k8s.io", "priorityclasses"),
		allow(read, "storage.k8s.io", "csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments"),
		allow("create", "authentication.k8s.io", "tokenreviews"),
		allow("create", "authorization.k8s.io", "subjectaccessreviews"),
	}, eventRules...)},
	{role: "system:volume-scheduler", to: []string{"user:system:kube-scheduler"}, rules: []rbacv1.PolicyRule{
		allow("get list patch update watch", "", "persistentvolumes", "persistentvolumeclaims"),
		allow(read, "storage.k8s.io", "storageclasses"),
	}},

	// The controller manager itself, then its controllers, each as an account
	// of its own for who runs them so.
	{role: "system:kube-controller-manager", to: []string{"user:system:kube-controller-manager"}, rules: append([]rbacv1.PolicyRule{
		allow("create", "coordination.k8s.io", "leases"),
		allowNamed("get list update watch", "coordination.k8s.io", "leases", "kube-controller-manager"),
		allow("create", "", "secrets", "serviceaccounts", "serviceaccounts/token"),
		allow("delete", "", "secrets"),
		allow("get", "", "configmaps", "namespaces", "secrets", "serviceaccounts"),
		allow("update", "", "secrets", "serviceaccounts"),
		allow("create", "authentication.k8s.io", "tokenreviews"),
		allow("create", "authorization.k8s.io", "subjectaccessreviews"),
		allow("list watch", "*", "*"),
	}, eventRules...)},
	controller("deployment-controller",
		allow("get list patch update watch", "apps", "deployments"),
		allow("patch update", "apps", "deployments/status"),
		allow("update", "apps", "deployments/finalizers"),
		allow("create delete get list patch update watch", "apps", "replicasets"),
		allow("get list update watch", "", "pods")),
	controller("replicaset-controller",
		allow("get list patch update watch", "apps", "replicasets"),
		allow("patch update", "apps", "replicasets/status"),
		allow("update", "apps", "replicasets/finalizers"),
		allow("create delete get list patch update watch", "", "pods")),
	controller("endpoint-controller",
		allow(read, "", "services", "pods"),
		allow("create delete get list patch update watch", "", "endpoints"),
		allow("create", "", "endpoints/restricted")),
	controller("endpointslice-controller",
		allow(read, "", "services", "pods", "nodes"),
		allow("update", "", "services/finalizers"),
		allow("create delete get list patch update watch", "discovery.k8s.io", "endpointslices")),
	controller("generic-garbage-collector",
		allow("get list patch update watch delete", "*", "*")),
	controller("namespace-controller",
		allow("delete get list watch", "", "namespaces"),
		allow("patch update", "", "namespaces/finalize", "namespaces/status"),
		allow("delete deletecollection get list", "*", "*")),
	controller("service-account-controller",
		allow("create get list watch", "", "serviceaccounts"),
		allow(read, "", "namespaces")),
	controller("root-ca-cert-publisher",
		allow("create get list patch update watch", "", "configmaps"),
		allow(read, "", "namespaces")),
	controller("node-controller",
		allow("delete get list patch update watch", "", "nodes"),
		allow("patch update", "", "nodes/status"),
		allow("patch update", "", "pods/status"),
		allow("delete get list watch", "", "pods"),
		allow("create", "", "pods/eviction"),
		allow(read, "coordination.k8s.io", "leases")),
	controller("pod-garbage-collector",
		allow("delete list watch", "", "pods"),
		allow("patch update", "", "pods/status"),
		allow("get list", "", "nodes")),
	controller("horizontal-pod-autoscaler",
		allow("get list watch", "autoscaling", "horizontalpodautoscalers"),
		allow("patch update", "autoscaling", "horizontalpodautoscalers/status"),
		allow("get patch update", "*", "*/scale"),
		allow("list watch", "", "pods"),
		allow("get list", "metrics.k8s.io", "pods"),
		allow("get list", "custom.metrics.k8s.io", "*"),
		allow("get list", "external.metrics.k8s.io", "*")),
	controller("persistent-volume-binder",
		allow("create delete get list patch update watch", "", "persistentvolumes"),
		allow("patch update", "", "persistentvolumes/status", "persistentvolumeclaims/status"),
		allow("get list patch update watch", "", "persistentvolumeclaims"),
		allow("create delete get list watch", "", "pods"),
		allow(read, "", "nodes"),
		allow(read, "storage.k8s.io", "storageclasses")),
	controller("pvc-protection-controller",
		allow("get list patch update watch", "", "persistentvolumeclaims"),
		allow(read, "", "pods")),
	controller("pv-protection-controller",
		allow("get list patch update watch", "", "persistentvolumes")),
	{role: "system:persistent-volume-provisioner", rules: append([]rbacv1.PolicyRule{
		allow("create delete get list watch", "", "persistentvolumes"),
		allow("get list update watch", "", "persistentvolumeclaims"),
		allow(read, "storage.k8s.io", "storageclasses"),
	}, eventRules...)},
}

// eventRules let a component tell people what it does, in either API.
var eventRules = append(writeEvents(""), writeEvents("events.k8s.io")...)

func writeEvents(group string) []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{allow("create patch update", group, "events")}
}

// controller is the grant of one controller: to the service account of its
// name, and to the controller manager's user, which runs all of them.
func controller(name string, rules ...rbacv1.PolicyRule) grant {
	return grant{
		role:  "system:controller:" + name,
		to:    []string{"account:" + name, "user:system:kube-controller-manager"},
		rules: append(rules, eventRules...),
	}
}

func allow(verbs, group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Fields(verbs), APIGroups: []string{group}, Resources: resources}
}

func allowNamed(verbs, group, resource string, names ...string) rbacv1.PolicyRule {
	rule := allow(verbs, group, resource)
	rule.ResourceNames = names
	return rule
}

func allowPaths(verbs string, paths ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Fields(verbs), NonResourceURLs: paths}
}

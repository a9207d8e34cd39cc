package auth

import rbacv1 "k8s.io/api/rbac/v1"

// people are the roles that are meant for users: everything, a namespace and who
// may use it, a namespace, a look at a namespace.
func people() []grant {
	return []grant{
		{role: "cluster-admin", to: []string{"group:system:masters"}, rules: []rbacv1.PolicyRule{
			allow("*", "*", "*"),
			allowPaths("*", "*"),
		}},
		{role: "admin", takesIn: true},
		{role: "edit", aggregates: "admin", takesIn: true},
		{role: "view", aggregates: "edit", takesIn: true},
		{role: "system:aggregate-to-admin", aggregates: "admin", rules: []rbacv1.PolicyRule{
			allow("create", "authorization.k8s.io", "localsubjectaccessreviews"),
			allow(readWrite, "rbac.authorization.k8s.io", "rolebindings", "roles"),
		}},
		{role: "system:aggregate-to-edit", aggregates: "edit", rules: []rbacv1.PolicyRule{
			allow(read, "", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"),
			allow("impersonate", "", "serviceaccounts"),
			allow(write, "", "configmaps", "persistentvolumeclaims", "pods", "pods/attach", "pods/exec",
				"pods/portforward", "pods/proxy", "replicationcontrollers", "replicationcontrollers/scale",
				"secrets", "serviceaccounts", "services", "services/proxy"),
			allow("create", "", "pods/eviction", "serviceaccounts/token"),
			allow(write, "core events.k8s.io", "events"),
			allow(write, "apps", "daemonsets", "deployments", "deployments/rollback", "deployments/scale",
				"replicasets", "replicasets/scale", "statefulsets", "statefulsets/scale"),
			allow(write, "autoscaling", "horizontalpodautoscalers"),
			allow(write, "batch", "cronjobs", "jobs"),
			allow(write, "extensions", "daemonsets", "deployments", "deployments/rollback", "deployments/scale",
				"ingresses", "networkpolicies", "replicasets", "replicasets/scale", "replicationcontrollers/scale"),
			allow(write, "policy", "poddisruptionbudgets"),
			allow(write, "networking.k8s.io", "ingresses", "networkpolicies"),
			allow(readWrite, "coordination.k8s.io", "leases"),
			allow(write, "resource.k8s.io", "resourceclaims", "resourceclaimtemplates"),
		}},
		{role: "system:aggregate-to-view", aggregates: "view", rules: []rbacv1.PolicyRule{
			allow(read, "", "bindings", "configmaps", "endpoints", "limitranges", "namespaces", "namespaces/status",
				"persistentvolumeclaims", "persistentvolumeclaims/status", "pods", "pods/log", "pods/status",
				"replicationcontrollers", "replicationcontrollers/scale", "replicationcontrollers/status",
				"resourcequotas", "resourcequotas/status", "serviceaccounts", "services", "services/status"),
			allow(read, "core events.k8s.io", "events"),
			allow(read, "discovery.k8s.io", "endpointslices"),
			allow(read, "apps", "controllerrevisions", "daemonsets", "daemonsets/status", "deployments",
				"deployments/scale", "deployments/status", "replicasets", "replicasets/scale", "replicasets/status",
				"statefulsets", "statefulsets/scale", "statefulsets/status"),
			allow(read, "autoscaling", "horizontalpodautoscalers", "horizontalpodautoscalers/status"),
			allow(read, "batch", "cronjobs", "cronjobs/status", "jobs", "jobs/status"),
			allow(read, "extensions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
				"deployments/status", "ingresses", "ingresses/status", "networkpolicies", "replicasets",
				"replicasets/scale", "replicasets/status", "replicationcontrollers/scale"),
			allow(read, "policy", "poddisruptionbudgets", "poddisruptionbudgets/status"),
			allow(read, "networking.k8s.io", "ingresses", "ingresses/status", "networkpolicies"),
			allow(read, "resource.k8s.io", "resourceclaims", "resourceclaims/status", "resourceclaimtemplates"),
		}},
	}
}

// everybody is what all may know and ask, and what one can be given to watch
// over a cluster or to ask it about others.
func everybody() []grant {
	return []grant{
		{role: "system:public-info-viewer", to: []string{"group:system:authenticated", "group:system:unauthenticated"}, rules: []rbacv1.PolicyRule{
			allowPaths("get", "/healthz", "/livez", "/readyz", "/version", "/version/"),
		}},
		{role: "system:discovery", to: []string{"group:system:authenticated"}, rules: []rbacv1.PolicyRule{
			allowPaths("get", "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
				"/readyz", "/version", "/version/"),
		}},
		{role: "system:basic-user", to: []string{"group:system:authenticated"}, rules: []rbacv1.PolicyRule{
			allow("create", "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
			allow("create", "authentication.k8s.io", "selfsubjectreviews"),
		}},
		{role: "system:service-account-issuer-discovery", to: []string{"group:system:serviceaccounts"}, rules: []rbacv1.PolicyRule{
			allowPaths("get", "/.well-known/openid-configuration", "/.well-known/openid-configuration/",
				"/openid/v1/jwks", "/openid/v1/jwks/"),
		}},
		{role: "system:cluster-trust-bundle-discovery", to: []string{"group:system:serviceaccounts"}, rules: []rbacv1.PolicyRule{
			allow(read, "certificates.k8s.io", "clustertrustbundles"),
		}},
		{role: "system:monitoring", to: []string{"group:system:monitoring"}, rules: []rbacv1.PolicyRule{
			allowPaths("get", "/flagz", "/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis",
				"/readyz", "/readyz/*", "/statusz"),
			allow("get", "", "nodes/metrics"),
		}},
		{role: "system:auth-delegator", rules: []rbacv1.PolicyRule{
			allow("create", "authentication.k8s.io", "tokenreviews"),
			allow("create", "authorization.k8s.io", "subjectaccessreviews"),
		}},
		{role: "system:heapster", rules: []rbacv1.PolicyRule{
			allow(read, "", "events", "namespaces", "nodes", "pods"),
			allow(read, "extensions", "deployments"),
		}},
	}
}

// certificates are the rights to ask for certificates without a person's
// approval, and to approve.
func certificates() []grant {
	return []grant{
		{role: "system:certificates.k8s.io:certificatesigningrequests:nodeclient", rules: []rbacv1.PolicyRule{
			allow("create", "certificates.k8s.io", "certificatesigningrequests/nodeclient"),
		}},
		{role: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", rules: []rbacv1.PolicyRule{
			allow("create", "certificates.k8s.io", "certificatesigningrequests/selfnodeclient"),
		}},
		{role: "system:certificates.k8s.io:kube-apiserver-client-approver", rules: []rbacv1.PolicyRule{
			allowNamed("approve", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client"),
		}},
		{role: "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver", rules: []rbacv1.PolicyRule{
			allowNamed("approve", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
		}},
		{role: "system:certificates.k8s.io:kubelet-serving-approver", rules: []rbacv1.PolicyRule{
			allowNamed("approve", "certificates.k8s.io", "signers", "kubernetes.io/kubelet-serving"),
		}},
		{role: "system:certificates.k8s.io:legacy-unknown-approver", rules: []rbacv1.PolicyRule{
			allowNamed("approve", "certificates.k8s.io", "signers", "kubernetes.io/legacy-unknown"),
		}},
	}
}

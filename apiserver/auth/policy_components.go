package auth

import rbacv1 "k8s.io/api/rbac/v1"

// components are what the parts of a cluster need. system:node is for clusters
// without the node authorizer, and bound to nobody.
func components() []grant {
	return []grant{
		{role: "system:kube-aggregator", rules: []rbacv1.PolicyRule{
			allow(read, "", "endpoints", "services"),
		}},
		{role: "system:kube-controller-manager", to: []string{"user:system:kube-controller-manager"}, rules: []rbacv1.PolicyRule{
			allow("create", "coordination.k8s.io", "leases"),
			allowNamed("get update", "coordination.k8s.io", "leases", "kube-controller-manager"),
			allow("create", "", "secrets", "serviceaccounts", "serviceaccounts/token"),
			allow("delete", "", "secrets"),
			allow("get", "", "configmaps", "namespaces", "secrets", "serviceaccounts"),
			allow("update", "", "secrets", "serviceaccounts"),
			allow("create", "authentication.k8s.io", "tokenreviews"),
			allow("create", "authorization.k8s.io", "subjectaccessreviews"),
			allow("list watch", "*", "*"),
			writeEvents(),
		}},
		{role: "system:kube-dns", to: []string{"account:kube-dns"}, rules: []rbacv1.PolicyRule{
			allow("list watch", "", "endpoints", "services"),
		}},
		{role: "system:kube-scheduler", to: []string{"user:system:kube-scheduler"}, rules: []rbacv1.PolicyRule{
			allow("create", "coordination.k8s.io", "leases"),
			allowNamed("get list update watch", "coordination.k8s.io", "leases", "kube-scheduler"),
			allow(readWrite, "coordination.k8s.io", "leasecandidates"),
			allow(read, "", "namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes",
				"replicationcontrollers", "services"),
			allow("delete get list watch", "", "pods"),
			allow("create", "", "bindings", "pods/binding"),
			allow("patch update", "", "pods/status"),
			allow(read, "apps extensions", "replicasets"),
			allow(read, "apps", "statefulsets"),
			allow(read, "policy", "poddisruptionbudgets"),
			allow("create", "authentication.k8s.io", "tokenreviews"),
			allow("create", "authorization.k8s.io", "subjectaccessreviews"),
			allow(read, "storage.k8s.io", "csidrivers", "csinodes", "csistoragecapacities", "volumeattachments"),
			allow(read, "resource.k8s.io", "deviceclasses", "devicetaintrules", "resourceslices"),
			allow("get list patch update watch", "resource.k8s.io", "resourceclaims", "resourceclaims/status"),
			allow("update", "", "pods/finalizers"),
			allow("create delete", "resource.k8s.io", "resourceclaims"),
			allow("patch update", "resource.k8s.io", "resourceclaims/binding"),
			writeEvents(),
		}},
		{role: "system:kubelet-api-admin", rules: []rbacv1.PolicyRule{
			allow(read, "", "nodes"),
			allow("proxy", "", "nodes"),
			allow("*", "", "nodes/configz", "nodes/healthz", "nodes/log", "nodes/metrics", "nodes/pods",
				"nodes/proxy", "nodes/stats"),
		}},
		{role: "system:node", rules: []rbacv1.PolicyRule{
			allow("create", "authentication.k8s.io", "tokenreviews"),
			allow("create", "authorization.k8s.io", "localsubjectaccessreviews", "subjectaccessreviews"),
			allow(read, "", "configmaps", "pods", "secrets", "services"),
			allow("create get list watch", "", "nodes"),
			allow("patch update", "", "nodes", "nodes/status", "pods/status"),
			allow("create delete", "", "pods"),
			allow("create", "", "pods/eviction", "serviceaccounts/token"),
			allow("get", "", "endpoints", "persistentvolumeclaims", "persistentvolumes", "serviceaccounts"),
			allow("create get list watch", "certificates.k8s.io", "certificatesigningrequests",
				"podcertificaterequests"),
			allow("create delete get patch update", "coordination.k8s.io", "leases"),
			allow("get", "storage.k8s.io", "volumeattachments"),
			allow("get patch update", "", "persistentvolumeclaims/status"),
			allow(read, "storage.k8s.io", "csidrivers"),
			allow("create delete get patch update", "storage.k8s.io", "csinodes"),
			allow(read, "node.k8s.io", "runtimeclasses"),
			allow("get", "resource.k8s.io", "resourceclaims"),
			allow("deletecollection", "resource.k8s.io", "resourceslices"),
			allow(read, "certificates.k8s.io", "clustertrustbundles"),
			writeEvents(),
		}},
		{role: "system:node-bootstrapper", rules: []rbacv1.PolicyRule{
			allow("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
		}},
		{role: "system:node-problem-detector", rules: []rbacv1.PolicyRule{
			allow("get", "", "nodes"),
			allow("patch", "", "nodes/status"),
			writeEvents(),
		}},
		{role: "system:node-proxier", to: []string{"user:system:kube-proxy"}, rules: []rbacv1.PolicyRule{
			allow("list watch", "", "endpoints", "services"),
			allow(read, "", "nodes"),
			allow("list watch", "networking.k8s.io", "servicecidrs"),
			allow("list watch", "discovery.k8s.io", "endpointslices"),
			writeEvents(),
		}},
		{role: "system:persistent-volume-provisioner", rules: []rbacv1.PolicyRule{
			allow("create delete get list watch", "", "persistentvolumes"),
			allow("get list update watch", "", "persistentvolumeclaims"),
			allow(read, "storage.k8s.io", "storageclasses"),
			allow("watch", "", "events"),
			writeEvents(),
		}},
		{role: "system:volume-scheduler", to: []string{"user:system:kube-scheduler"}, rules: []rbacv1.PolicyRule{
			allow("get list patch update watch", "", "persistentvolumeclaims", "persistentvolumes"),
			allow(read, "storage.k8s.io", "storageclasses"),
		}},
	}
}

package kinds

import (
	"sync"

	"github.com/coracle-k8s/coracle/api"
)

// All returns the built-in kinds, in the order that discovery shows them. Each
// call makes them anew; most callers want [Registry].
func All() []*api.Resource {
	all := resources()
	for _, r := range all {
		// Kubernetes keeps its built-in kinds below their plural alone; the
		// group is part of the key of custom resources only.
		if r.StorageKey == "" {
			r.StorageKey = r.Plural
		}
	}
	return all
}

func resources() []*api.Resource {
	return []*api.Resource{
		// core/v1
		bindings(),
		componentStatuses(),
		configMaps(),
		endpoints(),
		coreEvents(),
		limitRanges(),
		namespaces(),
		nodes(),
		persistentVolumeClaims(),
		persistentVolumes(),
		pods(),
		podTemplates(),
		replicationControllers(),
		resourceQuotas(),
		secrets(),
		serviceAccounts(),
		services(),

		// apiregistration.k8s.io/v1
		apiServices(),

		// apps/v1
		controllerRevisions(),
		daemonSets(),
		deployments(),
		replicaSets(),
		statefulSets(),

		// authentication.k8s.io/v1 and authorization.k8s.io/v1
		selfSubjectReviews(),
		tokenReviews(),
		localSubjectAccessReviews(),
		selfSubjectAccessReviews(),
		selfSubjectRulesReviews(),
		subjectAccessReviews(),

		// apiextensions.k8s.io/v1
		customResourceDefinitions(),

		// autoscaling
		horizontalPodAutoscalers(),
		horizontalPodAutoscalersV1(),

		// batch/v1
		cronJobs(),
		jobs(),

		// events.k8s.io/v1
		newEvents(),

		// certificates.k8s.io/v1
		certificateSigningRequests(),
		clusterTrustBundles(),
		podCertificateRequests(),

		// networking.k8s.io/v1
		ingressClasses(),
		ingresses(),
		ipAddresses(),
		networkPolicies(),
		serviceCIDRs(),

		// policy/v1
		podDisruptionBudgets(),

		// rbac.authorization.k8s.io/v1
		clusterRoleBindings(),
		clusterRoles(),
		roleBindings(),
		roles(),

		// storage.k8s.io/v1
		csiDrivers(),
		csiNodes(),
		csiStorageCapacities(),
		storageClasses(),
		volumeAttachments(),
		volumeAttributesClasses(),

		// admissionregistration.k8s.io/v1
		mutatingAdmissionPolicies(),
		mutatingAdmissionPolicyBindings(),
		mutatingWebhookConfigurations(),
		validatingAdmissionPolicies(),
		validatingAdmissionPolicyBindings(),
		validatingWebhookConfigurations(),

		// scheduling.k8s.io/v1
		priorityClasses(),

		// coordination.k8s.io/v1
		leases(),

		// node.k8s.io/v1
		runtimeClasses(),

		// discovery.k8s.io/v1
		endpointSlices(),

		// resource.k8s.io/v1
		deviceClasses(),
		deviceTaintRules(),
		resourceClaims(),
		resourceClaimTemplates(),
		resourceSlices(),

		// flowcontrol.apiserver.k8s.io/v1
		flowSchemas(),
		priorityLevelConfigurations(),

		// storagemigration.k8s.io/v1
		storageVersionMigrations(),
	}
}

// Registry returns the built-in kinds, shared by the whole process and never
// changed.
var Registry = sync.OnceValue(func() api.Registry { return api.NewRegistry(All()) })

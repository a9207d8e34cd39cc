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
		configMaps(),
		endpoints(),
		coreEvents(),
		namespaces(),
		nodes(),
		persistentVolumeClaims(),
		persistentVolumes(),
		pods(),
		secrets(),
		serviceAccounts(),
		services(),
		apiServices(),
		// apps/v1
		controllerRevisions(),
		deployments(),
		replicaSets(),
		// and the rest
		tokenReviews(),
		selfSubjectReviews(),
		localSubjectAccessReviews(),
		selfSubjectAccessReviews(),
		selfSubjectRulesReviews(),
		subjectAccessReviews(),
		horizontalPodAutoscalers(),
		leases(),
		endpointSlices(),
		clusterRoleBindings(),
		clusterRoles(),
		roleBindings(),
		roles(),
		priorityClasses(),
		storageClasses(),
	}
}

// Registry returns the built-in kinds, shared by the whole process and never
// changed.
var Registry = sync.OnceValue(func() api.Registry { return api.NewRegistry(All()) })

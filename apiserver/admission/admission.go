package admission

import "github.com/coracle-k8s/coracle/apiserver"

// Options adjust the usual hooks. The zero value is Kubernetes' defaults,
// without addresses for services.
type Options struct {
	// Services allocates cluster IPs and node ports; nil leaves services as
	// they are.
	Services *ServiceIPs
	// Custom are the hooks that are a cluster's own, such as webhooks. They come
	// after those that complete objects and before those that give out something.
	Custom []apiserver.Hook
	// TolerationSeconds is how long a pod stays on a node that is not ready
	// or unreachable if it does not say so itself; zero means 300.
	TolerationSeconds int64
}

// Default returns the hooks of a usual server, in Kubernetes' order.
func Default(objects apiserver.Objects, opts Options) []apiserver.Hook {
	if opts.TolerationSeconds == 0 {
		opts.TolerationSeconds = 300
	}
	hooks := []apiserver.Hook{
		NamespaceLifecycle{Objects: objects},
		LimitRanger{Objects: objects},
		ServiceAccount{Objects: objects},
		TaintNodesByCondition(),
		CertificateRequester(),
		NewPodSecurity(objects),
		Priority{Objects: objects},
		DefaultTolerationSeconds(opts.TolerationSeconds),
		DefaultStorageClass{Objects: objects},
		StorageObjectInUseProtection(),
		PersistentVolumeClaimResize{Objects: objects},
		RuntimeClass{Objects: objects},
		DefaultIngressClass{Objects: objects},
		PodTopologyLabels{Objects: objects},
		PodResizeValidator{Objects: objects},
	}
	hooks = append(hooks, opts.Custom...)
	if opts.Services != nil {
		hooks = append(hooks, opts.Services) // late: what it takes, others wait for
	}
	return append(hooks, ResourceQuota{Objects: objects}) // last: what it charges, nobody refuses any more
}

// on reports whether the admission is one of an object itself, not of one of its
// subresources, by one of the operations.
func on(a *apiserver.Admission, operations ...apiserver.Operation) bool {
	if a.Subresource != "" {
		return false
	}
	for _, op := range operations {
		if a.Operation == op {
			return true
		}
	}
	return false
}

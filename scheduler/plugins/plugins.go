package plugins

import (
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/scheduler"
)

// Default returns the usual plugins. Those that need more than pods and nodes
// get it from the informers, which must also be given to the scheduler. A
// profile serves one scheduler: some plugins remember what they counted.
func Default(informers *client.Informers) scheduler.Profile {
	return profile(NewInterPodAffinity(informers), NewVolumeRestrictions(informers), NewVolumeBinding(informers))
}

// Stateless returns the plugins that need only pods and nodes. For them
// namespaces have no labels.
func Stateless() scheduler.Profile { return profile(NewInterPodAffinity(nil)) }

// profile puts plugins in the order in which they are asked: cheap ones first,
// and those last that look at more than the node in question.
func profile(affinity *InterPodAffinity, volumes ...scheduler.Plugin) scheduler.Profile {
	p := scheduler.Profile{
		NodeUnschedulable{},
		NodeName{},
		TaintToleration{},
		NodeAffinity{},
		NodePorts{},
		NodeResources{},
	}
	p = append(p, volumes...)
	return append(p,
		NewPodTopologySpread(),
		affinity,
		BalancedAllocation{},
		ImageLocality{},
	)
}

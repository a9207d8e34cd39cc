package plugins

import (
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/scheduler"
)

// Default returns the usual plugins. Those that need more than pods and nodes
// get it from the informers, which must also be given to the scheduler.
func Default(informers *client.Informers) scheduler.Profile {
	return append(Stateless(), NewVolumeBinding(informers))
}

// Stateless returns the plugins that need only pods and nodes.
func Stateless() scheduler.Profile {
	return scheduler.Profile{
		NodeUnschedulable{},
		NodeName{},
		TaintToleration{},
		NodeAffinity{},
		NodePorts{},
		NodeResources{},
		PodTopologySpread{},
		ImageLocality{},
	}
}

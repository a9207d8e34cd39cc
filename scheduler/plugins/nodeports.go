package plugins

import "github.com/coracle-k8s/coracle/scheduler"

// NodePorts keeps a pod that wants a port of the node's own address off nodes
// where another pod has it.
type NodePorts struct{}

var _ scheduler.Filter = NodePorts{}

// Name implements scheduler.Plugin.
func (NodePorts) Name() string { return "NodePorts" }

// Helps implements scheduler.Plugin.
func (NodePorts) Helps(c scheduler.Change) bool {
	return c == scheduler.NodeAdded || c == scheduler.PodDeleted || c == scheduler.PodChanged
}

// Filter implements scheduler.Filter.
func (p NodePorts) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	if len(c.Pod.Ports) == 0 {
		return nil
	}
	for _, other := range node.Pods {
		for _, taken := range other.Ports {
			for _, wanted := range c.Pod.Ports {
				if wanted.Conflicts(taken) {
					return scheduler.Refuse(p, "node(s) didn't have free ports for the requested pod ports")
				}
			}
		}
	}
	return nil
}

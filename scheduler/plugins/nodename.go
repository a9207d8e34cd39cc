package plugins

import "github.com/coracle-k8s/coracle/scheduler"

// NodeName keeps a pod that names its node to that node. A pod that names it in
// its spec is bound already; what this serves is a pod scheduled again in a trial.
type NodeName struct{}

var _ scheduler.Filter = NodeName{}

// Name implements scheduler.Plugin.
func (NodeName) Name() string { return "NodeName" }

// Helps implements scheduler.Plugin.
func (NodeName) Helps(c scheduler.Change) bool { return c == scheduler.NodeAdded }

// Filter implements scheduler.Filter.
func (p NodeName) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	if c.Pod.Spec.NodeName == "" || c.Pod.Spec.NodeName == node.Node.Name {
		return nil
	}
	return scheduler.RefuseFinally(p, "node(s) didn't match the requested node name")
}

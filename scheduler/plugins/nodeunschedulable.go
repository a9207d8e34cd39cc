package plugins

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/scheduler"
)

// NodeUnschedulable keeps pods off nodes that were cordoned, unless they
// tolerate the taint that stands for it.
type NodeUnschedulable struct{}

var _ scheduler.Filter = NodeUnschedulable{}

// Name implements scheduler.Plugin.
func (NodeUnschedulable) Name() string { return "NodeUnschedulable" }

// Helps implements scheduler.Plugin.
func (NodeUnschedulable) Helps(c scheduler.Change) bool {
	return c == scheduler.NodeAdded || c == scheduler.NodeChanged
}

// Filter implements scheduler.Filter.
func (p NodeUnschedulable) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	taint := corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
	if !node.Node.Spec.Unschedulable || tolerates(c.Pod.Spec.Tolerations, &taint) {
		return nil
	}
	return scheduler.RefuseFinally(p, "node(s) were unschedulable")
}

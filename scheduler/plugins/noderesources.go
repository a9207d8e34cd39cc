package plugins

import (
	"maps"
	"slices"

	"github.com/coracle-k8s/coracle/scheduler"
)

// NodeResources keeps a pod off nodes that have not enough left of what it
// requests, and prefers those that would have most left of processor and memory.
type NodeResources struct{}

var (
	_ scheduler.Filter = NodeResources{}
	_ scheduler.Score  = NodeResources{}
)

// Name implements scheduler.Plugin.
func (NodeResources) Name() string { return "NodeResourcesFit" }

// Helps implements scheduler.Plugin.
func (NodeResources) Helps(c scheduler.Change) bool {
	switch c {
	case scheduler.NodeAdded, scheduler.NodeChanged, scheduler.PodDeleted, scheduler.PodChanged:
		return true
	}
	return false
}

// Filter implements scheduler.Filter. What a pod does not request it is not
// refused for, even on a node that is promised out.
func (p NodeResources) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	var reasons []string
	final := false
	check := func(what string, want, have, used int64) {
		if want > 0 && want > have-used {
			reasons = append(reasons, what)
			final = final || want > have
		}
	}
	if int64(len(node.Pods))+1 > node.MaxPods {
		reasons = append(reasons, "Too many pods")
	}
	want, have, used := &c.Pod.Requests, &node.Allocatable, &node.Requested
	check("Insufficient cpu", want.MilliCPU, have.MilliCPU, used.MilliCPU)
	check("Insufficient memory", want.Memory, have.Memory, used.Memory)
	check("Insufficient ephemeral-storage", want.Storage, have.Storage, used.Storage)
	if len(want.Scalar) > 0 {
		for _, name := range slices.Sorted(maps.Keys(want.Scalar)) {
			check("Insufficient "+string(name), want.Scalar[name], have.Scalar[name], used.Scalar[name])
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return &scheduler.Refusal{Plugin: p.Name(), Reasons: reasons, Final: final}
}

// Score implements scheduler.Score: the share of processor and of memory that
// would be left, on average (least allocated).
func (NodeResources) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	cpu := left(node.Likely.MilliCPU+c.Pod.Likely.MilliCPU, node.Allocatable.MilliCPU)
	memory := left(node.Likely.Memory+c.Pod.Likely.Memory, node.Allocatable.Memory)
	return (cpu + memory) / 2
}

// left is the share in percent that is not used.
func left(used, there int64) int64 {
	if there <= 0 || used >= there {
		return 0
	}
	return (there - used) * scheduler.MaxScore / there
}

// Normalize implements scheduler.Score: the points are in range already.
func (NodeResources) Normalize(*scheduler.Cycle, []int64) {}

// Weight implements scheduler.Score.
func (NodeResources) Weight() int64 { return 1 }

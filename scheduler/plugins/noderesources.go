package plugins

import (
	"maps"
	"slices"

	"github.com/coracle-k8s/coracle/scheduler"
)

// NodeResources keeps a pod off nodes that have not enough left of what it
// requests, and prefers those that would have most left of processor and memory,
// and of both alike.
type NodeResources struct{}

var (
	_ scheduler.Filter = NodeResources{}
	_ scheduler.Score  = NodeResources{}
)

// Name implements scheduler.Plugin.
func (NodeResources) Name() string { return "NodeResourcesFit" }

// Helps implements scheduler.Plugin.
func (NodeResources) Helps(c scheduler.Change) bool {
	return c == scheduler.NodeAdded || c == scheduler.NodeChanged || c == scheduler.PodDeleted
}

// Filter implements scheduler.Filter. What a pod does not request it is not
// refused for, even on a node that is promised out.
func (p NodeResources) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	var reasons []string
	if int64(len(node.Pods))+1 > node.MaxPods {
		reasons = append(reasons, "Too many pods")
	}
	want, have, used := &c.Pod.Requests, &node.Allocatable, &node.Requested
	if want.MilliCPU > 0 && want.MilliCPU > have.MilliCPU-used.MilliCPU {
		reasons = append(reasons, "Insufficient cpu")
	}
	if want.Memory > 0 && want.Memory > have.Memory-used.Memory {
		reasons = append(reasons, "Insufficient memory")
	}
	if want.Storage > 0 && want.Storage > have.Storage-used.Storage {
		reasons = append(reasons, "Insufficient ephemeral-storage")
	}
	for _, name := range slices.Sorted(maps.Keys(want.Scalar)) {
		if n := want.Scalar[name]; n > 0 && n > have.Scalar[name]-used.Scalar[name] {
			reasons = append(reasons, "Insufficient "+string(name))
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return scheduler.Refuse(p, reasons...)
}

// Score implements scheduler.Score: half for how much would be left (least
// allocated), half for how even (balanced allocation).
func (NodeResources) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	cpu := share(node.Likely.MilliCPU+c.Pod.Likely.MilliCPU, node.Allocatable.MilliCPU)
	memory := share(node.Likely.Memory+c.Pod.Likely.Memory, node.Allocatable.Memory)
	left := (1 - cpu + 1 - memory) / 2
	// With two resources the standard deviation is half their distance.
	even := 1 - max(cpu-memory, memory-cpu)/2
	return int64(scheduler.MaxScore * (left + even) / 2)
}

// Normalize implements scheduler.Score: the points are in range already.
func (NodeResources) Normalize(*scheduler.Cycle, []int64) {}

// Weight implements scheduler.Score: one for each half.
func (NodeResources) Weight() int64 { return 2 }

// share is the used part of what there is, from 0 to 1.
func share(used, there int64) float64 {
	if there <= 0 || used >= there {
		return 1
	}
	return float64(used) / float64(there)
}

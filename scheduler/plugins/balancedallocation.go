package plugins

import "github.com/coracle-k8s/coracle/scheduler"

// BalancedAllocation prefers nodes of which processor and memory would be used
// alike, so that none has a lot left of one that nobody can use for want of the
// other. A pod that requests nothing changes nothing and has no preference.
type BalancedAllocation struct{}

var _ scheduler.Score = BalancedAllocation{}

// Name implements scheduler.Plugin.
func (BalancedAllocation) Name() string { return "NodeResourcesBalancedAllocation" }

// Helps implements scheduler.Plugin.
func (BalancedAllocation) Helps(scheduler.Change) bool { return false }

// Score implements scheduler.Score: the less the deviation, the better. That of
// two numbers is half their distance.
func (BalancedAllocation) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	if c.Pod.Requests.MilliCPU == 0 && c.Pod.Requests.Memory == 0 {
		return 0
	}
	cpu := share(node.Requested.MilliCPU+c.Pod.Requests.MilliCPU, node.Allocatable.MilliCPU)
	memory := share(node.Requested.Memory+c.Pod.Requests.Memory, node.Allocatable.Memory)
	return int64(scheduler.MaxScore * (1 - max(cpu-memory, memory-cpu)/2))
}

// Normalize implements scheduler.Score: the points are in range already.
func (BalancedAllocation) Normalize(*scheduler.Cycle, []int64) {}

// Weight implements scheduler.Score.
func (BalancedAllocation) Weight() int64 { return 1 }

// share is the used part of what there is, from 0 to 1.
func share(used, there int64) float64 {
	if there <= 0 || used >= there {
		return 1
	}
	return float64(used) / float64(there)
}

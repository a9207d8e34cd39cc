package scheduler

import "slices"

// A Plugin is one rule of scheduling. It implements one or more of [PreFilter],
// [Filter], [PreScore] and [Score]; [Watcher] and [PreBinder] if it looks at or
// changes more than pods and nodes. Except for PreBind, plugins are called by
// one goroutine at a time. They must not block, and must change neither pods
// nor nodes.
type Plugin interface {
	// Name is the plugin's name, as decisions show it.
	Name() string
	// Helps reports whether a change of this kind may make the plugin accept
	// a pod that it refused before.
	Helps(change Change) bool
}

// A PreFilter looks at the pod before any node is looked at: to refuse it
// outright, or to work out once what its Filter needs for every node.
type PreFilter interface {
	Plugin
	// PreFilter returns nil, or why no node can take the pod.
	PreFilter(c *Cycle) *Refusal
}

// A Filter says whether a node can take the pod.
type Filter interface {
	Plugin
	// Filter returns nil, or why this node cannot.
	Filter(c *Cycle, node *NodeInfo) *Refusal
}

// A PreScore works out once what its Score needs for every node.
type PreScore interface {
	Plugin
	// PreScore is given the nodes that passed the filters, two or more.
	PreScore(c *Cycle, nodes []*NodeInfo)
}

// A Score says how good each node is that passed the filters.
type Score interface {
	Plugin
	// Score returns a node's points; more is better, unless Normalize turns
	// them round.
	Score(c *Cycle, node *NodeInfo) int64
	// Normalize turns the points of all nodes, in place, into 0 to [MaxScore].
	Normalize(c *Cycle, scores []int64)
	// Weight is how much the plugin's opinion counts beside others'.
	Weight() int64
}

// A Watcher is a plugin that looks at more than pods and nodes. The scheduler
// gives it the function to call, without blocking, when something it looks at
// changed; it does so before any informer runs.
type Watcher interface {
	Plugin
	Watch(changed func(Change))
}

// MaxScore is the best normalized score of one plugin.
const MaxScore = 100

// A Refusal is why a plugin does not let a pod onto a node.
type Refusal struct {
	Plugin string
	// Reasons are for people, and counted over the nodes: so they name what
	// is missing, not the node that misses it.
	Reasons []string
	// Final says that the node could not take the pod even if no other pods
	// were on it, so that there is no point in pushing them off. Kubernetes
	// calls it unschedulable and unresolvable.
	Final bool
}

// Refuse makes a refusal that other pods may be the cause of.
func Refuse(p Plugin, reasons ...string) *Refusal {
	return &Refusal{Plugin: p.Name(), Reasons: reasons}
}

// RefuseFinally makes a refusal that has nothing to do with other pods.
func RefuseFinally(p Plugin, reasons ...string) *Refusal {
	return &Refusal{Plugin: p.Name(), Reasons: reasons, Final: true}
}

// A Change is a kind of event in the cluster that may let waiting pods through.
// Kubernetes calls it a cluster event, and what Helps answers a queueing hint
// (KEP-4247).
type Change uint8

// The kinds of change.
const (
	NodeAdded        Change = iota
	NodeChanged             // labels, taints, what it has, whether it is cordoned
	NodeRemoved             //
	PodAdded                // a pod is on a node now
	PodChanged              // labels or requests of a pod on a node, or it is to end
	PodDeleted              // what a pod on a node used is free
	VolumeChanged           // a claim, volume or storage class
	NamespaceChanged        // labels of a namespace
)

// String names the change.
func (c Change) String() string {
	names := []string{"node added", "node changed", "node removed", "pod added",
		"pod changed", "pod deleted", "volume changed", "namespace changed"}
	return names[c]
}

// NormalizeLinear scales scores in place so that the highest becomes MaxScore;
// with reverse the order is turned round, for points where less is better.
func NormalizeLinear(scores []int64, reverse bool) {
	if len(scores) == 0 {
		return
	}
	most := slices.Max(scores)
	for i, s := range scores {
		switch {
		case most == 0 && reverse:
			scores[i] = MaxScore
		case most == 0:
			scores[i] = 0
		case reverse:
			scores[i] = MaxScore - s*MaxScore/most
		default:
			scores[i] = s * MaxScore / most
		}
	}
}

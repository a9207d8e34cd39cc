package scheduler

import "slices"

// A Plugin is one rule of scheduling. It implements one or more of
// [PreFilter], [Filter] and [Score]. Plugins are called by one goroutine at a
// time, must not block, and must change neither pods nor nodes.
type Plugin interface {
	// Name is the plugin's name, as decisions and events show it.
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

// A Score says how good each node is that passed the filters.
type Score interface {
	Plugin
	// Score returns a node's points; more is better.
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
}

// Refuse makes a refusal.
func Refuse(p Plugin, reasons ...string) *Refusal {
	return &Refusal{Plugin: p.Name(), Reasons: reasons}
}

// A Change is a kind of event in the cluster that may let waiting pods through.
type Change string

// The kinds of change.
const (
	NodeAdded      Change = "node added"
	NodeChanged    Change = "node changed"
	PodDeleted     Change = "pod deleted"
	PodAdded       Change = "pod added"
	VolumeChanged  Change = "volume changed"
	ServiceChanged Change = "service changed"
)

// A Cycle is the scheduling of one pod. It carries what plugins remember from
// one stage to the next.
type Cycle struct {
	Pod      *PodInfo
	Snapshot *Snapshot
	state    map[string]any
}

// NewCycle starts the scheduling of a pod.
func NewCycle(pod *PodInfo, snapshot *Snapshot) *Cycle {
	return &Cycle{Pod: pod, Snapshot: snapshot, state: map[string]any{}}
}

// Keep remembers a plugin's state for the rest of the cycle.
func (c *Cycle) Keep(p Plugin, state any) { c.state[p.Name()] = state }

// Kept returns what the plugin remembered, or T's zero value.
func Kept[T any](c *Cycle, p Plugin) T {
	v, _ := c.state[p.Name()].(T)
	return v
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

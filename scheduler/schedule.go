package scheduler

import (
	"hash/fnv"
)

// A Profile is the plugins by which pods are scheduled, in the order they are
// asked.
type Profile []Plugin

// A Cycle is the scheduling of one pod. It carries what plugins remember from
// one stage to the next. Use it for one call of Schedule, from one goroutine.
type Cycle struct {
	Pod      *PodInfo
	Snapshot *Snapshot

	stages *stages
	state  []kept
}

// stages are a profile's plugins by what they can do.
type stages struct {
	preFilter []PreFilter
	filter    []Filter
	preScore  []PreScore
	score     []Score
}

// kept is what one plugin remembers. There are few, so a list is the best map.
type kept struct {
	plugin string
	state  any
}

// NewCycle starts the scheduling of a pod.
func NewCycle(profile Profile, pod *PodInfo, snapshot *Snapshot) *Cycle {
	return &Cycle{Pod: pod, Snapshot: snapshot, stages: profile.stages()}
}

func (profile Profile) stages() *stages {
	s := &stages{}
	for _, plugin := range profile {
		if p, ok := plugin.(PreFilter); ok {
			s.preFilter = append(s.preFilter, p)
		}
		if p, ok := plugin.(Filter); ok {
			s.filter = append(s.filter, p)
		}
		if p, ok := plugin.(PreScore); ok {
			s.preScore = append(s.preScore, p)
		}
		if p, ok := plugin.(Score); ok {
			s.score = append(s.score, p)
		}
	}
	return s
}

// Keep remembers a plugin's state for the rest of the cycle.
func (c *Cycle) Keep(p Plugin, state any) {
	name := p.Name()
	for i := range c.state {
		if c.state[i].plugin == name {
			c.state[i].state = state
			return
		}
	}
	c.state = append(c.state, kept{name, state})
}

// Kept returns what the plugin remembered, or T's zero value.
func Kept[T any](c *Cycle, p Plugin) T {
	name := p.Name()
	for i := range c.state {
		if c.state[i].plugin == name {
			v, _ := c.state[i].state.(T)
			return v
		}
	}
	var none T
	return none
}

// Schedule decides where the cycle's pod goes. It looks at nodes from the one
// numbered start on, and at no more than it needs: it returns the number to
// start the next cycle from. If there is no node, it looks for pods to push off.
func (c *Cycle) Schedule(start int) (*Decision, int) {
	d := &Decision{Nodes: len(c.Snapshot.Nodes)}
	next := c.choose(start, d)
	if d.Node == "" && d.Nodes > 0 {
		d.Preemption = c.preempt(d, start)
	}
	return d, next
}

func (c *Cycle) choose(start int, d *Decision) (next int) {
	if d.Outright = c.preFilter(); d.Outright != nil {
		return start
	}
	if node := c.nominated(); node != nil {
		d.Node, d.Scores = node.Node.Name, []NodeScore{{Node: node.Node.Name}}
		return start
	}
	feasible, next := c.filter(start, d)
	if len(feasible) > 0 {
		c.score(feasible, d)
		d.Node = c.best(d.Scores)
	}
	return next
}

func (c *Cycle) preFilter() *Refusal {
	for _, p := range c.stages.preFilter {
		if refusal := p.PreFilter(c); refusal != nil {
			return refusal
		}
	}
	return nil
}

// nominated returns the node that was cleared for the pod, if it can take it.
func (c *Cycle) nominated() *NodeInfo {
	name := c.Snapshot.nomination(c.Pod)
	if name == "" {
		return nil
	}
	if node := c.Snapshot.Node(name); node != nil && c.refuses(node) == nil {
		return node
	}
	return nil
}

// filter finds nodes that can take the pod.
func (c *Cycle) filter(start int, d *Decision) ([]*NodeInfo, int) {
	nodes := c.Snapshot.Nodes
	if len(nodes) == 0 {
		return nil, 0
	}
	enough := Enough(len(nodes))
	feasible := make([]*NodeInfo, 0, enough)
	looked := 0
	for ; looked < len(nodes) && len(feasible) < enough; looked++ {
		node := nodes[(start+looked)%len(nodes)]
		if refusal := c.refuses(node); refusal != nil {
			d.Refused = append(d.Refused, NodeRefusal{node.Node.Name, refusal})
		} else {
			feasible = append(feasible, node)
		}
	}
	return feasible, (start + looked) % len(nodes)
}

// refuses returns the first plugin's objection to a node. Pods that the node
// was cleared for count as being there, unless they matter less than this one;
// but since they are not there yet, the node must do without them as well, or
// an affinity to one of them would be met by nobody.
func (c *Cycle) refuses(node *NodeInfo) *Refusal {
	if expected := c.expected(node); len(expected) > 0 {
		if refusal := c.refusesIf(node.With(expected...)); refusal != nil {
			return refusal
		}
	}
	for _, p := range c.stages.filter {
		if refusal := p.Filter(c, node); refusal != nil {
			return refusal
		}
	}
	return nil
}

// expected are the pods nominated for a node that go before the cycle's.
func (c *Cycle) expected(node *NodeInfo) []*PodInfo {
	if len(c.Snapshot.Nominated) == 0 {
		return nil
	}
	var out []*PodInfo
	for _, p := range c.Snapshot.Nominated[node.Node.Name] {
		if p.UID != c.Pod.UID && p.Importance() >= c.Pod.Importance() {
			out = append(out, p)
		}
	}
	return out
}

// refusesIf returns the objection to a node if it looked like this. Plugins
// that look at other nodes too see it among them.
func (c *Cycle) refusesIf(node *NodeInfo) *Refusal {
	trial := &Cycle{Pod: c.Pod, Snapshot: c.Snapshot.With(node), stages: c.stages}
	if refusal := trial.preFilter(); refusal != nil {
		return refusal
	}
	return trial.refuses(node)
}

// score gives the nodes their points.
func (c *Cycle) score(nodes []*NodeInfo, d *Decision) {
	d.Scores = make([]NodeScore, len(nodes))
	for i, n := range nodes {
		d.Scores[i].Node = n.Node.Name
	}
	if len(nodes) == 1 {
		return // There is nothing to choose.
	}
	for _, p := range c.stages.preScore {
		p.PreScore(c, nodes)
	}
	parts := make([]int64, len(nodes)*len(c.stages.score))
	for i := range d.Scores {
		d.Scores[i].Parts, parts = parts[:0:len(c.stages.score)], parts[len(c.stages.score):]
	}
	points := make([]int64, len(nodes))
	for _, p := range c.stages.score {
		for i, n := range nodes {
			points[i] = p.Score(c, n)
		}
		p.Normalize(c, points)
		weight := p.Weight()
		for i := range d.Scores {
			d.Scores[i].Parts = append(d.Scores[i].Parts, points[i]*weight)
			d.Scores[i].Total += points[i] * weight
		}
		d.Scorers = append(d.Scorers, p.Name())
	}
}

// best is the node with the most points. Among equals the pod's uid decides: it
// spreads pods as well as a die would, and the same cycle ends the same each time.
func (c *Cycle) best(scores []NodeScore) string {
	best, lot := 0, uint64(0)
	for i := range scores {
		switch {
		case scores[i].Total > scores[best].Total:
			best, lot = i, 0
		case i != best && scores[i].Total == scores[best].Total:
			if lot == 0 {
				lot = c.lot(scores[best].Node)
			}
			if l := c.lot(scores[i].Node); l > lot {
				best, lot = i, l
			}
		}
	}
	return scores[best].Node
}

func (c *Cycle) lot(node string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(node))
	h.Write([]byte(c.Pod.UID))
	// The last bytes hardly reach the upper bits of an FNV hash; mix once more.
	x := h.Sum64()
	x ^= x >> 32
	return x * 0x9e3779b97f4a7c15
}

// Enough is how many nodes that can take a pod are enough to choose from, of
// all that there are: all up to 100, then a share that shrinks from a half to
// one in twenty as clusters grow
// (https://kubernetes.io/docs/concepts/scheduling-eviction/scheduler-perf-tuning/).
func Enough(nodes int) int {
	const few = 100
	if nodes <= few {
		return nodes
	}
	return max(few, nodes*max(5, 50-nodes/125)/100)
}

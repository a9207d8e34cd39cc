package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Profile is the plugins by which pods are scheduled, in the order they are
// asked.
type Profile []Plugin

// A Decision is the outcome of one cycle.
type Decision struct {
	// Node is the chosen one, or empty.
	Node string
	// Scores are the nodes that passed every filter, the best first.
	Scores []NodeScore
	// Refused are the nodes that did not, and why. All of them, if Node is
	// empty; otherwise those looked at.
	Refused map[string]*Refusal
	// Outright is set when the pod was refused before any node was looked at.
	Outright *Refusal
	// Nodes is the number of nodes there are.
	Nodes int
}

// A NodeScore is a node's points: each plugin's, normalized and weighted, and
// their sum.
type NodeScore struct {
	Node  string
	Total int64
	Parts map[string]int64
}

// Schedule decides where the cycle's pod goes. It looks at nodes from the one
// numbered start on, and at no more than it needs: it returns the number to
// start the next cycle from.
func (c *Cycle) Schedule(profile Profile, start int) (*Decision, int) {
	d := &Decision{Refused: map[string]*Refusal{}, Nodes: len(c.Snapshot.Nodes)}
	for _, p := range profile {
		if pre, ok := p.(PreFilter); ok {
			if d.Outright = pre.PreFilter(c); d.Outright != nil {
				return d, start
			}
		}
	}
	feasible, next := c.filter(profile, start, d)
	if len(feasible) > 0 {
		d.Scores = c.score(profile, feasible)
		d.Node = d.Scores[0].Node
	}
	return d, next
}

// filter finds nodes that can take the pod.
func (c *Cycle) filter(profile Profile, start int, d *Decision) ([]*NodeInfo, int) {
	nodes := c.Snapshot.Nodes
	enough := Enough(len(nodes))
	var feasible []*NodeInfo
	looked := 0
	for ; looked < len(nodes) && len(feasible) < enough; looked++ {
		node := nodes[(start+looked)%len(nodes)]
		if refusal := c.refuses(profile, node); refusal != nil {
			d.Refused[node.Node.Name] = refusal
		} else {
			feasible = append(feasible, node)
		}
	}
	if len(nodes) == 0 {
		return nil, 0
	}
	return feasible, (start + looked) % len(nodes)
}

// refuses returns the first plugin's objection to a node.
func (c *Cycle) refuses(profile Profile, node *NodeInfo) *Refusal {
	for _, p := range profile {
		if f, ok := p.(Filter); ok {
			if refusal := f.Filter(c, node); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

// score returns the nodes' points, the best node first. Among equals the one
// found first wins, which differs from cycle to cycle as the search goes round.
func (c *Cycle) score(profile Profile, nodes []*NodeInfo) []NodeScore {
	scores := make([]NodeScore, len(nodes))
	for i, n := range nodes {
		scores[i] = NodeScore{Node: n.Node.Name, Parts: make(map[string]int64, 4)}
	}
	if len(nodes) == 1 {
		return scores // There is nothing to choose.
	}
	points := make([]int64, len(nodes))
	for _, p := range profile {
		s, ok := p.(Score)
		if !ok {
			continue
		}
		for i, n := range nodes {
			points[i] = s.Score(c, n)
		}
		s.Normalize(c, points)
		for i := range scores {
			part := points[i] * s.Weight()
			scores[i].Parts[p.Name()] = part
			scores[i].Total += part
		}
	}
	slices.SortStableFunc(scores, func(a, b NodeScore) int { return int(b.Total - a.Total) })
	return scores
}

// Enough is how many nodes that can take a pod are enough to choose from, of
// all that there are: all up to 100, then a share that shrinks from a half to
// one in twenty as clusters grow.
func Enough(nodes int) int {
	const few = 100
	if nodes <= few {
		return nodes
	}
	return max(few, nodes*max(5, 50-nodes/125)/100)
}

// Message says in one line why there was no node, as the pod's events show it:
// each reason with the number of nodes it holds for.
func (d *Decision) Message() string {
	head := fmt.Sprintf("0/%d nodes are available", d.Nodes)
	if d.Outright != nil {
		return head + ": " + strings.Join(d.Outright.Reasons, ", ") + "."
	}
	counts := map[string]int{}
	for _, refusal := range d.Refused {
		for _, reason := range refusal.Reasons {
			counts[reason]++
		}
	}
	if len(counts) == 0 {
		return head + "."
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	slices.Sort(parts)
	return head + ": " + strings.Join(parts, ", ") + "."
}

// Explain tells the whole decision: for every node that was looked at, its
// points by plugin, or which plugin refused it and why.
func (d *Decision) Explain() string {
	var b strings.Builder
	switch {
	case d.Outright != nil:
		fmt.Fprintf(&b, "refused by %s: %s\n", d.Outright.Plugin, strings.Join(d.Outright.Reasons, ", "))
	case d.Node == "":
		fmt.Fprintf(&b, "no node of %d\n", d.Nodes)
	default:
		fmt.Fprintf(&b, "chose %s of %d\n", d.Node, d.Nodes)
	}
	for _, s := range d.Scores {
		fmt.Fprintf(&b, "  %s: %d", s.Node, s.Total)
		for _, plugin := range slices.Sorted(maps.Keys(s.Parts)) {
			fmt.Fprintf(&b, " %s=%d", plugin, s.Parts[plugin])
		}
		b.WriteByte('\n')
	}
	for _, node := range slices.Sorted(maps.Keys(d.Refused)) {
		r := d.Refused[node]
		fmt.Fprintf(&b, "  %s: refused by %s: %s\n", node, r.Plugin, strings.Join(r.Reasons, ", "))
	}
	return b.String()
}

// Refusers are the plugins that stood in the way: a change that none of them
// cares about cannot help the pod.
func (d *Decision) Refusers() []string {
	if d.Outright != nil {
		return []string{d.Outright.Plugin}
	}
	names := map[string]bool{}
	for _, r := range d.Refused {
		names[r.Plugin] = true
	}
	return slices.Sorted(maps.Keys(names))
}

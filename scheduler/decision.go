package scheduler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Decision is the outcome of one cycle.
type Decision struct {
	// Node is the chosen one, or empty.
	Node string
	// Scores are the nodes that passed every filter.
	Scores []NodeScore
	// Scorers are the plugins whose points are in Scores.
	Scorers []string
	// Refused are the nodes that did not. All of them, if Node is empty;
	// otherwise those looked at.
	Refused []NodeRefusal
	// Outright is set when the pod was refused before any node was looked at.
	Outright *Refusal
	// Nodes is the number of nodes there are.
	Nodes int
	// Preemption is what came of trying to push other pods off, or nil.
	Preemption *Preemption
}

// A NodeScore is a node's points: each plugin's, normalized and weighted, and
// their sum. A node that was the only one has none.
type NodeScore struct {
	Node  string
	Total int64
	Parts []int64 // one for each of the decision's Scorers
}

// A NodeRefusal says why a node cannot take the pod.
type NodeRefusal struct {
	Node string
	*Refusal
}

// Message says in one line why there was no node, as the pod's events show it:
// each reason with the number of nodes it holds for.
func (d *Decision) Message() string {
	if d.Nodes == 0 {
		return "no nodes available to schedule pods"
	}
	message := unavailable(d.Nodes, tally(d.Refused))
	if d.Outright != nil {
		message = unavailable(d.Nodes, d.Outright.Reasons)
	}
	if p := d.Preemption; p != nil && p.Node == "" {
		message += " preemption: " + p.Message()
	}
	return message
}

func unavailable(nodes int, reasons []string) string {
	message := fmt.Sprintf("0/%d nodes are available", nodes)
	if len(reasons) > 0 {
		message += ": " + strings.Join(reasons, ", ")
	}
	return message + "."
}

// tally counts reasons over nodes.
func tally(refused []NodeRefusal) []string {
	counts := map[string]int{}
	for _, r := range refused {
		for _, reason := range r.Reasons {
			counts[reason]++
		}
	}
	var out []string
	for reason, n := range counts {
		out = append(out, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(out)
	return out
}

// Explain tells the whole decision: for every node that was looked at, its
// points by plugin, or which plugin refused it and why.
func (d *Decision) Explain() string {
	var b strings.Builder
	switch {
	case d.Outright != nil:
		fmt.Fprintf(&b, "refused by %s: %s\n", d.Outright.Plugin, strings.Join(d.Outright.Reasons, ", "))
	case d.Nodes == 0:
		b.WriteString(d.Message() + "\n")
	case d.Node == "":
		fmt.Fprintf(&b, "no node of %d\n", d.Nodes)
	default:
		fmt.Fprintf(&b, "chose %s of %d\n", d.Node, d.Nodes)
	}
	for _, s := range d.ranking() {
		if len(s.Parts) == 0 {
			fmt.Fprintf(&b, "  %s: the only one\n", s.Node)
			continue
		}
		fmt.Fprintf(&b, "  %s %d:", s.Node, s.Total)
		for i, plugin := range d.Scorers {
			if s.Parts[i] != 0 {
				fmt.Fprintf(&b, " %s %d", plugin, s.Parts[i])
			}
		}
		b.WriteByte('\n')
	}
	refused := slices.SortedFunc(slices.Values(d.Refused), func(a, b NodeRefusal) int { return cmp.Compare(a.Node, b.Node) })
	for _, r := range refused {
		fmt.Fprintf(&b, "  %s: refused by %s: %s\n", r.Node, r.Plugin, strings.Join(r.Reasons, ", "))
	}
	if d.Preemption != nil {
		b.WriteString(d.Preemption.Explain())
	}
	return b.String()
}

// ranking is the nodes with points, the chosen one first.
func (d *Decision) ranking() []NodeScore {
	return slices.SortedFunc(slices.Values(d.Scores), func(a, b NodeScore) int {
		if a.Total == b.Total && (a.Node == d.Node || b.Node == d.Node) {
			if a.Node == d.Node {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Node, b.Node))
	})
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

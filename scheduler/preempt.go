package scheduler

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Why a node is none to push pods off, as the events of pods say it.
const (
	noHelp    = "Preemption is not helpful for scheduling"
	noVictims = "No preemption victims found for incoming pod"
)

// A Preemption is what came of looking for pods that a more important one could
// push off a node
// (https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/).
type Preemption struct {
	// Node is where the pod would fit without the victims, or empty.
	Node    string
	Victims []*PodInfo // the most important first
	// Candidates are all that were found, the best first.
	Candidates []Candidate
	// Ineligible says why the pod may not push others off.
	Ineligible string

	nodes   int
	refused []NodeRefusal
	wait    bool // for victims of an earlier cycle
}

// A Candidate is a node with the pods that would have to leave it.
type Candidate struct {
	Node    string
	Victims []*PodInfo
}

// preempt looks for a node on which the pod fits once less important pods have
// left, after a decision d for none. It is pure: nothing is pushed off yet. It
// looks at nodes from the one numbered start on.
//
// On each node it takes all less important pods off, and if the pod fits then,
// puts back as many as it can, the most important first.
func (c *Cycle) preempt(d *Decision, start int) *Preemption {
	p := &Preemption{nodes: d.Nodes}
	if p.Ineligible = c.ineligible(d); p.Ineligible != "" {
		p.wait = c.Pod.Spec.PreemptionPolicy == nil || *c.Pod.Spec.PreemptionPolicy != corev1.PreemptNever
		return p
	}
	final := finals(d)
	enough := max(100, d.Nodes/10)
	for i := range d.Nodes {
		node := c.Snapshot.Nodes[(start+i)%d.Nodes]
		if len(p.Candidates) >= enough {
			break
		}
		if d.Outright != nil || final[node.Node.Name] {
			p.refuse(node, noHelp)
			continue
		}
		victims, reasons := c.victims(node)
		if len(victims) == 0 {
			p.refuse(node, reasons...)
			continue
		}
		p.Candidates = append(p.Candidates, Candidate{node.Node.Name, victims})
	}
	slices.SortStableFunc(p.Candidates, gentler)
	if len(p.Candidates) > 0 {
		p.Node, p.Victims = p.Candidates[0].Node, p.Candidates[0].Victims
	}
	return p
}

func (p *Preemption) refuse(node *NodeInfo, reasons ...string) {
	p.refused = append(p.refused, NodeRefusal{node.Node.Name, &Refusal{Reasons: reasons}})
}

// finals are the nodes that could not take the pod if they were empty.
func finals(d *Decision) map[string]bool {
	out := map[string]bool{}
	for _, r := range d.Refused {
		out[r.Node] = r.Final
	}
	return out
}

// ineligible says why the pod may not push others off, or nothing.
func (c *Cycle) ineligible(d *Decision) string {
	if policy := c.Pod.Spec.PreemptionPolicy; policy != nil && *policy == corev1.PreemptNever {
		return "not eligible due to preemptionPolicy=Never."
	}
	node := c.Snapshot.Node(c.Snapshot.nomination(c.Pod))
	if node == nil || finals(d)[node.Node.Name] {
		return ""
	}
	for _, other := range node.Pods {
		if other.Importance() < c.Pod.Importance() && leaving(other) {
			return "not eligible due to a terminating pod on the nominated node."
		}
	}
	return ""
}

// leaving reports whether a pod is ending because it was pushed off.
func leaving(p *PodInfo) bool {
	return p.DeletionTimestamp != nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue && c.Reason == corev1.PodReasonPreemptionByScheduler
	})
}

// victims are the pods that would have to leave a node, the most important
// first. None: the reasons why that would not do.
func (c *Cycle) victims(node *NodeInfo) ([]*PodInfo, []string) {
	var lesser []*PodInfo
	for _, p := range node.Pods {
		if p.Importance() < c.Pod.Importance() {
			lesser = append(lesser, p)
		}
	}
	if len(lesser) == 0 {
		return nil, []string{noVictims}
	}
	node = node.Without(lesser...)
	if refusal := c.refusesIfCleared(node); refusal != nil {
		return nil, refusal.Reasons
	}
	slices.SortFunc(lesser, moreImportant)
	var victims []*PodInfo
	for _, p := range lesser {
		if with := node.With(p); c.refusesIfCleared(with) == nil {
			node = with
		} else {
			victims = append(victims, p)
		}
	}
	return victims, []string{noVictims}
}

// refusesIfCleared is refusesIf that counts pods nominated for the node too.
func (c *Cycle) refusesIfCleared(node *NodeInfo) *Refusal {
	if expected := c.expected(node); len(expected) > 0 {
		if refusal := c.refusesIf(node.With(expected...)); refusal != nil {
			return refusal
		}
	}
	return c.refusesIf(node)
}

// gentler puts candidates in order: the one whose most important victim matters
// least, then the one whose victims together do, then the one with the fewest,
// then the one whose most important victims have run the shortest time.
// (Kubernetes asks before all that how many disruption budgets would be broken.)
func gentler(a, b Candidate) int {
	return cmp.Or(
		cmp.Compare(a.Victims[0].Importance(), b.Victims[0].Importance()),
		cmp.Compare(a.total(), b.total()),
		cmp.Compare(len(a.Victims), len(b.Victims)),
		b.oldest().Compare(a.oldest()),
	)
}

// total adds up priorities, moved so that none is negative: two unimportant
// pods must not seem less than one.
func (c Candidate) total() int64 {
	var sum int64
	for _, p := range c.Victims {
		sum += int64(p.Importance()) - math.MinInt32
	}
	return sum
}

// oldest is when the first of the most important victims started.
func (c Candidate) oldest() time.Time {
	oldest := started(c.Victims[0])
	for _, p := range c.Victims {
		if at := started(p); p.Importance() == c.Victims[0].Importance() && at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// started is when the pod's node took it up; one that was not yet is the youngest.
func started(p *PodInfo) time.Time {
	if p.Status.StartTime == nil {
		return time.Unix(math.MaxInt32, 0)
	}
	return p.Status.StartTime.Time
}

// Message says in one line why nobody is pushed off.
func (p *Preemption) Message() string {
	if p.Ineligible != "" {
		return p.Ineligible
	}
	return unavailable(p.nodes, tally(p.refused))
}

// Explain tells the candidates with their victims, the chosen one first.
func (p *Preemption) Explain() string {
	if p.Node == "" {
		return "preemption: " + p.Message() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "preemption on %s\n", p.Node)
	for _, c := range p.Candidates {
		fmt.Fprintf(&b, "  %s: without", c.Node)
		for i, v := range c.Victims {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s (priority %d)", v.Name, v.Importance())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

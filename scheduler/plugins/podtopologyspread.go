package plugins

import (
	"fmt"
	"math"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/scheduler"
)

// PodTopologySpread keeps pods of a kind apart: over zones, over nodes, over
// whatever a node's label says. A pod's constraint counts the pods its selector
// matches in each domain (the nodes with the same value of a label) and bounds
// how much fuller one may be than the emptiest (KEP-895). Constraints that may
// be broken only cost points: see podtopologyspread_score.go.
type PodTopologySpread struct{ counter *counter }

// NewPodTopologySpread returns the plugin.
func NewPodTopologySpread() PodTopologySpread { return PodTopologySpread{&counter{}} }

var (
	_ scheduler.PreFilter = PodTopologySpread{}
	_ scheduler.Filter    = PodTopologySpread{}
	_ scheduler.PreScore  = PodTopologySpread{}
	_ scheduler.Score     = PodTopologySpread{}
)

// Name implements scheduler.Plugin.
func (PodTopologySpread) Name() string { return "PodTopologySpread" }

// Helps implements scheduler.Plugin: anything may that moves a count, or a domain.
func (PodTopologySpread) Helps(c scheduler.Change) bool {
	return c != scheduler.VolumeChanged && c != scheduler.NamespaceChanged
}

// A spread is what is remembered of the pod's constraints during a cycle.
type spread struct {
	hard, soft []*constraint
	// own says that the pod asked for them, rather than getting the default ones.
	own bool
}

// A constraint is one of the pod's, with its selector made ready and the
// matching pods counted.
type constraint struct {
	corev1.TopologySpreadConstraint
	selector labels.Selector
	counts   map[string]int64 // matching pods by value of the label
	selfAdds int64            // 1 if the pod matches its own selector
	fewest   int64
	weight   float64 // of a soft one
}

// PreFilter implements scheduler.PreFilter: it counts for the constraints that
// must hold.
func (p PodTopologySpread) PreFilter(c *scheduler.Cycle) *scheduler.Refusal {
	asked, own := constraintsOf(c.Pod.Pod)
	if len(asked) == 0 {
		return nil
	}
	all := &spread{own: own}
	for _, one := range asked {
		selector, err := metav1.LabelSelectorAsSelector(one.LabelSelector)
		if err != nil {
			return scheduler.RefuseFinally(p, "the pod's topology spread selector is invalid: "+err.Error())
		}
		for _, key := range one.MatchLabelKeys { // KEP-3243
			selector = scheduler.Narrow(selector, c.Pod.Labels, key, true)
		}
		k := &constraint{TopologySpreadConstraint: one, selector: selector, counts: map[string]int64{}}
		if selector.Matches(labels.Set(c.Pod.Labels)) {
			k.selfAdds = 1
		}
		if one.WhenUnsatisfiable == corev1.DoNotSchedule {
			all.hard = append(all.hard, k)
		} else {
			all.soft = append(all.soft, k)
		}
	}
	for _, k := range all.hard {
		p.countHard(c, k, all.hard)
	}
	c.Keep(p, all)
	return nil
}

// pods returns for each node how many of its pods the constraint is about.
func (p PodTopologySpread) pods(c *scheduler.Cycle, k *constraint) []int32 {
	question := fmt.Sprintf("%s\n%s", c.Pod.Namespace, k.selector)
	return p.counter.count(c.Snapshot, question, func(other *scheduler.PodInfo) bool {
		return other.Namespace == c.Pod.Namespace && other.DeletionTimestamp == nil &&
			k.selector.Matches(labels.Set(other.Labels))
	})
}

// countHard counts over the nodes that the pod itself could go to and that have
// the labels of all constraints.
func (p PodTopologySpread) countHard(c *scheduler.Cycle, k *constraint, all []*constraint) {
	pods := p.pods(c, k)
	for i, node := range c.Snapshot.Nodes {
		if hasAll(node, all) && k.includes(c, node) {
			k.counts[node.Node.Labels[k.TopologyKey]] += int64(pods[i])
		}
	}
	if k.MinDomains != nil && len(k.counts) < int(*k.MinDomains) {
		return // Domains that are missing are empty ones: the fewest is none.
	}
	k.fewest = math.MaxInt64
	for _, n := range k.counts {
		k.fewest = min(k.fewest, n)
	}
}

func hasAll(node *scheduler.NodeInfo, constraints []*constraint) bool {
	for _, k := range constraints {
		if _, ok := node.Node.Labels[k.TopologyKey]; !ok {
			return false
		}
	}
	return true
}

// includes reports whether a node is one over which the pods are spread.
func (k *constraint) includes(c *scheduler.Cycle, node *scheduler.NodeInfo) bool {
	if (k.NodeAffinityPolicy == nil || *k.NodeAffinityPolicy == corev1.NodeInclusionPolicyHonor) && !allows(c.Pod.Pod, node.Node) {
		return false
	}
	taints := k.NodeTaintsPolicy != nil && *k.NodeTaintsPolicy == corev1.NodeInclusionPolicyHonor
	return !taints || TaintToleration{}.Filter(c, node) == nil
}

// Filter implements scheduler.Filter.
func (p PodTopologySpread) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	all := scheduler.Kept[*spread](c, p)
	if all == nil {
		return nil
	}
	for _, k := range all.hard {
		value, ok := node.Node.Labels[k.TopologyKey]
		if !ok {
			return scheduler.RefuseFinally(p, "node(s) didn't match pod topology spread constraints (missing required label)")
		}
		if k.counts[value]+k.selfAdds-k.fewest > int64(k.MaxSkew) {
			return scheduler.Refuse(p, "node(s) didn't match pod topology spread constraints")
		}
	}
	return nil
}

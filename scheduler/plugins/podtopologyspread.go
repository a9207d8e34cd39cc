package plugins

import (
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
// be broken only cost points; pods without any get Kubernetes' default ones:
// apart by node, and further apart by zone.
type PodTopologySpread struct{}

var (
	_ scheduler.PreFilter = PodTopologySpread{}
	_ scheduler.Filter    = PodTopologySpread{}
	_ scheduler.Score     = PodTopologySpread{}
)

// Name implements scheduler.Plugin.
func (PodTopologySpread) Name() string { return "PodTopologySpread" }

// Helps implements scheduler.Plugin.
func (PodTopologySpread) Helps(c scheduler.Change) bool { return c != scheduler.VolumeChanged }

// A constraint is one of the pod's, with its selector made ready and the
// matching pods counted.
type constraint struct {
	key      string
	maxSkew  int64
	hard     bool
	counts   map[string]int64 // matching pods by value of the label
	selfAdds int64            // 1 if the pod matches its own selector
	fewest   int64
}

// PreFilter implements scheduler.PreFilter: it counts.
func (p PodTopologySpread) PreFilter(c *scheduler.Cycle) *scheduler.Refusal {
	var all []*constraint
	for _, tsc := range constraintsOf(c.Pod.Pod) {
		selector, err := metav1.LabelSelectorAsSelector(tsc.LabelSelector)
		if err != nil {
			return scheduler.Refuse(p, "the pod's topology spread selector is invalid: "+err.Error())
		}
		selector = withMatchLabelKeys(selector, tsc.MatchLabelKeys, c.Pod.Labels)
		all = append(all, count(c, &tsc, selector))
	}
	c.Keep(p, all)
	return nil
}

// constraintsOf are the pod's constraints, or the default ones over the pods
// that have its labels: those of one ReplicaSet share them.
func constraintsOf(pod *corev1.Pod) []corev1.TopologySpreadConstraint {
	if len(pod.Spec.TopologySpreadConstraints) > 0 {
		return pod.Spec.TopologySpreadConstraints
	}
	if metav1.GetControllerOf(pod) == nil || len(pod.Labels) == 0 {
		return nil
	}
	selector := &metav1.LabelSelector{MatchLabels: pod.Labels}
	return []corev1.TopologySpreadConstraint{
		{TopologyKey: corev1.LabelHostname, MaxSkew: 3, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: selector},
		{TopologyKey: corev1.LabelTopologyZone, MaxSkew: 5, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: selector},
	}
}

// withMatchLabelKeys narrows the selector to pods that have the same values of
// some labels as the pod (KEP-3243).
func withMatchLabelKeys(selector labels.Selector, keys []string, own labels.Set) labels.Selector {
	for _, key := range keys {
		if value, ok := own[key]; ok {
			more := labels.SelectorFromSet(labels.Set{key: value})
			requirements, _ := more.Requirements()
			selector = selector.Add(requirements...)
		}
	}
	return selector
}

// count makes a constraint by looking at every pod on every node that the pod
// itself could go to.
func count(c *scheduler.Cycle, tsc *corev1.TopologySpreadConstraint, selector labels.Selector) *constraint {
	out := &constraint{
		key: tsc.TopologyKey, maxSkew: int64(tsc.MaxSkew),
		hard:   tsc.WhenUnsatisfiable == corev1.DoNotSchedule,
		counts: map[string]int64{}, fewest: math.MaxInt64,
	}
	if selector.Matches(labels.Set(c.Pod.Labels)) {
		out.selfAdds = 1
	}
	for _, node := range c.Snapshot.Nodes {
		value, ok := node.Node.Labels[tsc.TopologyKey]
		if !ok || !counts(c, tsc, node) {
			continue
		}
		n := out.counts[value]
		for _, other := range node.Pods {
			if other.Namespace == c.Pod.Namespace && other.DeletionTimestamp == nil && selector.Matches(labels.Set(other.Labels)) {
				n++
			}
		}
		out.counts[value] = n
	}
	for _, n := range out.counts {
		out.fewest = min(out.fewest, n)
	}
	if tsc.MinDomains != nil && len(out.counts) < int(*tsc.MinDomains) {
		out.fewest = 0 // Domains that are missing are empty ones.
	}
	return out
}

// counts reports whether a node is one over which the pods are spread.
func counts(c *scheduler.Cycle, tsc *corev1.TopologySpreadConstraint, node *scheduler.NodeInfo) bool {
	honor := tsc.NodeAffinityPolicy == nil || *tsc.NodeAffinityPolicy == corev1.NodeInclusionPolicyHonor
	if honor && !allows(c.Pod.Pod, node.Node) {
		return false
	}
	taints := tsc.NodeTaintsPolicy != nil && *tsc.NodeTaintsPolicy == corev1.NodeInclusionPolicyHonor
	return !taints || TaintToleration{}.Filter(c, node) == nil
}

// Filter implements scheduler.Filter.
func (p PodTopologySpread) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	for _, k := range scheduler.Kept[[]*constraint](c, p) {
		if !k.hard {
			continue
		}
		value, ok := node.Node.Labels[k.key]
		if !ok {
			return scheduler.Refuse(p, "node(s) didn't match pod topology spread constraints (missing required label)")
		}
		if k.counts[value]+k.selfAdds-k.fewest > k.maxSkew {
			return scheduler.Refuse(p, "node(s) didn't match pod topology spread constraints")
		}
	}
	return nil
}

// Score implements scheduler.Score: it counts the pods in the node's domains,
// those of a label with few values weighing less. Less is better.
func (p PodTopologySpread) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	var sum float64
	for _, k := range scheduler.Kept[[]*constraint](c, p) {
		if k.hard {
			continue
		}
		if value, ok := node.Node.Labels[k.key]; ok {
			sum += float64(k.counts[value])*math.Log(float64(len(k.counts)+2)) + float64(k.maxSkew-1)
		}
	}
	return int64(math.Round(sum * 10))
}

// Normalize implements scheduler.Score.
func (PodTopologySpread) Normalize(_ *scheduler.Cycle, scores []int64) {
	scheduler.NormalizeLinear(scores, true)
}

// Weight implements scheduler.Score.
func (PodTopologySpread) Weight() int64 { return 2 }

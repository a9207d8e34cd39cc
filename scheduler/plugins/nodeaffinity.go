package plugins

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/scheduler"
)

// NodeAffinity keeps a pod to the nodes that its node selector and its required
// node affinity allow, and prefers those its preferred affinity asks for
// (https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/).
type NodeAffinity struct{}

var (
	_ scheduler.Filter = NodeAffinity{}
	_ scheduler.Score  = NodeAffinity{}
)

// Name implements scheduler.Plugin.
func (NodeAffinity) Name() string { return "NodeAffinity" }

// Helps implements scheduler.Plugin.
func (NodeAffinity) Helps(c scheduler.Change) bool {
	return c == scheduler.NodeAdded || c == scheduler.NodeChanged
}

// Filter implements scheduler.Filter.
func (p NodeAffinity) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	if allows(c.Pod.Pod, node.Node) {
		return nil
	}
	return scheduler.RefuseFinally(p, "node(s) didn't match Pod's node affinity/selector")
}

// Score implements scheduler.Score: it adds up the weights of what matches.
func (NodeAffinity) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	affinity := c.Pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil {
		return 0
	}
	var sum int64
	for i := range affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
		preferred := &affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution[i]
		if matchesTerm(&preferred.Preference, node.Node) {
			sum += int64(preferred.Weight)
		}
	}
	return sum
}

// Normalize implements scheduler.Score.
func (NodeAffinity) Normalize(_ *scheduler.Cycle, scores []int64) {
	scheduler.NormalizeLinear(scores, false)
}

// Weight implements scheduler.Score.
func (NodeAffinity) Weight() int64 { return 2 }

// allows reports whether the pod lets itself be put onto the node.
func allows(pod *corev1.Pod, node *corev1.Node) bool {
	for key, value := range pod.Spec.NodeSelector {
		if have, ok := node.Labels[key]; !ok || have != value {
			return false
		}
	}
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil {
		return true
	}
	required := affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	return required == nil || matchesSelector(required, node)
}

// matchesSelector reports whether one of the selector's terms matches.
func matchesSelector(selector *corev1.NodeSelector, node *corev1.Node) bool {
	return slices.ContainsFunc(selector.NodeSelectorTerms, func(term corev1.NodeSelectorTerm) bool {
		return matchesTerm(&term, node)
	})
}

// matchesTerm reports whether all of a term's requirements hold. A term
// without any matches nothing.
func matchesTerm(term *corev1.NodeSelectorTerm, node *corev1.Node) bool {
	if len(term.MatchExpressions)+len(term.MatchFields) == 0 {
		return false
	}
	for i := range term.MatchExpressions {
		r := &term.MatchExpressions[i]
		value, ok := node.Labels[r.Key]
		if !holds(r, value, ok) {
			return false
		}
	}
	for i := range term.MatchFields {
		r := &term.MatchFields[i]
		if r.Key != "metadata.name" || !holds(r, node.Name, true) {
			return false
		}
	}
	return true
}

// holds reports whether a requirement is met by a value, which is there if ok.
func holds(r *corev1.NodeSelectorRequirement, value string, ok bool) bool {
	switch r.Operator {
	case corev1.NodeSelectorOpIn:
		return ok && slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpNotIn:
		return !ok || !slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpExists:
		return ok
	case corev1.NodeSelectorOpDoesNotExist:
		return !ok
	case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		have, err := strconv.ParseInt(value, 10, 64)
		if !ok || err != nil || len(r.Values) != 1 {
			return false
		}
		than, err := strconv.ParseInt(r.Values[0], 10, 64)
		return err == nil && (r.Operator == corev1.NodeSelectorOpGt && have > than ||
			r.Operator == corev1.NodeSelectorOpLt && have < than)
	}
	return false
}

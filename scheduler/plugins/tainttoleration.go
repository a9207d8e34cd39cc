package plugins

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/scheduler"
)

// TaintToleration keeps pods off nodes with taints that they do not tolerate,
// and prefers nodes with fewer taints that merely ask to stay away
// (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/).
type TaintToleration struct{}

var (
	_ scheduler.Filter = TaintToleration{}
	_ scheduler.Score  = TaintToleration{}
)

// Name implements scheduler.Plugin.
func (TaintToleration) Name() string { return "TaintToleration" }

// Helps implements scheduler.Plugin.
func (TaintToleration) Helps(c scheduler.Change) bool {
	return c == scheduler.NodeAdded || c == scheduler.NodeChanged
}

// Filter implements scheduler.Filter.
func (p TaintToleration) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	for i := range node.Node.Spec.Taints {
		taint := &node.Node.Spec.Taints[i]
		if taint.Effect != corev1.TaintEffectPreferNoSchedule && !tolerates(c.Pod.Spec.Tolerations, taint) {
			return scheduler.RefuseFinally(p, fmt.Sprintf("node(s) had untolerated taint {%s: %s}", taint.Key, taint.Value))
		}
	}
	return nil
}

// Score implements scheduler.Score: it counts the taints, so less is better.
func (TaintToleration) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	var n int64
	for i := range node.Node.Spec.Taints {
		taint := &node.Node.Spec.Taints[i]
		if taint.Effect == corev1.TaintEffectPreferNoSchedule && !tolerates(c.Pod.Spec.Tolerations, taint) {
			n++
		}
	}
	return n
}

// Normalize implements scheduler.Score.
func (TaintToleration) Normalize(_ *scheduler.Cycle, scores []int64) {
	scheduler.NormalizeLinear(scores, true)
}

// Weight implements scheduler.Score.
func (TaintToleration) Weight() int64 { return 3 }

// tolerates reports whether one of the tolerations matches the taint.
func tolerates(tolerations []corev1.Toleration, taint *corev1.Taint) bool {
	for i := range tolerations {
		t := &tolerations[i]
		if t.Effect != "" && t.Effect != taint.Effect {
			continue
		}
		if t.Key != "" && t.Key != taint.Key {
			continue
		}
		switch t.Operator {
		case corev1.TolerationOpExists:
			return true
		case corev1.TolerationOpEqual, "":
			if t.Key != "" && t.Value == taint.Value {
				return true
			}
		}
	}
	return false
}

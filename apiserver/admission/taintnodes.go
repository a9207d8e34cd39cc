package admission

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// TaintNodesByCondition marks each new node as not ready, so that nothing is
// scheduled to it before the node controller has seen it work and takes the
// taint away.
func TaintNodesByCondition() apiserver.Hook {
	return apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		node, ok := a.Object.(*corev1.Node)
		if !ok || !on(a, apiserver.Create) {
			return nil
		}
		taint := corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}
		if !slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&taint) }) {
			node.Spec.Taints = append(node.Spec.Taints, taint)
		}
		return nil
	})
}

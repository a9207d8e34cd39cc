package admission

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// DefaultTolerationSeconds lets each pod stay for so many seconds on a node that
// stopped answering, unless the pod says itself what it tolerates. Afterwards it
// is evicted, and its controller makes another elsewhere.
func DefaultTolerationSeconds(seconds int64) apiserver.Hook {
	return apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		pod, ok := a.Object.(*corev1.Pod)
		if !ok || !on(a, apiserver.Create, apiserver.Update) {
			return nil
		}
		for _, key := range []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable} {
			if !toleratesNoExecute(pod, key) {
				limit := seconds
				pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{
					Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &limit,
				})
			}
		}
		return nil
	})
}

func toleratesNoExecute(pod *corev1.Pod, key string) bool {
	for _, t := range pod.Spec.Tolerations {
		if (t.Key == key || t.Key == "") && (t.Effect == corev1.TaintEffectNoExecute || t.Effect == "") {
			return true
		}
	}
	return false
}

package nodelifecycle

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// noExecute returns the taints that drive pods away.
func noExecute(taints []corev1.Taint) []corev1.Taint {
	var found []corev1.Taint
	for _, t := range taints {
		if t.Effect == corev1.TaintEffectNoExecute {
			found = append(found, t)
		}
	}
	return found
}

// evictAt returns when a pod must leave a node with these NoExecute taints. It
// returns false if it may stay. Since returns when a taint was put there.
//
// For each taint a pod without a matching toleration leaves at once; with some,
// after the shortest of their tolerationSeconds, where none means never. The first
// of the taints to drive it away does.
// (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/)
func evictAt(tolerations []corev1.Toleration, taints []corev1.Taint, since func(corev1.Taint) time.Time) (at time.Time, evict bool) {
	for _, taint := range taints {
		grace, forever := tolerated(tolerations, taint)
		if forever {
			continue
		}
		if end := since(taint).Add(grace); !evict || end.Before(at) {
			at, evict = end, true
		}
	}
	return at, evict
}

// tolerated returns for how long tolerations bear a taint.
func tolerated(tolerations []corev1.Toleration, taint corev1.Taint) (grace time.Duration, forever bool) {
	matched := false
	limited := false
	for i := range tolerations {
		if !tolerates(&tolerations[i], taint) {
			continue
		}
		matched = true
		if seconds := tolerations[i].TolerationSeconds; seconds != nil {
			d := time.Duration(max(*seconds, 0)) * time.Second
			if !limited || d < grace {
				grace, limited = d, true
			}
		}
	}
	return grace, matched && !limited
}

// tolerates says whether a toleration is about a taint: an empty effect or, with
// the operator Exists, an empty key stand for all.
func tolerates(toleration *corev1.Toleration, taint corev1.Taint) bool {
	if toleration.Effect != "" && toleration.Effect != taint.Effect {
		return false
	}
	exists := toleration.Operator == corev1.TolerationOpExists
	if toleration.Key == "" {
		return exists
	}
	return toleration.Key == taint.Key && (exists || toleration.Value == taint.Value)
}

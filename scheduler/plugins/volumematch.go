package plugins

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// smallest returns the smallest of the free volumes that a claim could have on a
// node, or the one that is reserved for it, or nil.
func smallest(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume, node *corev1.Node, taken map[string]bool) *corev1.PersistentVolume {
	var best *corev1.PersistentVolume
	for _, v := range volumes {
		if taken[v.Name] || !suffices(v, claim) || !reaches(node, v) {
			continue
		}
		if v.Spec.ClaimRef != nil {
			return v
		}
		if best == nil || capacity(v) < capacity(best) || capacity(v) == capacity(best) && v.Name < best.Name {
			best = v
		}
	}
	return best
}

// suffices reports whether a volume is free, or reserved for the claim, and all
// that the claim asks for.
func suffices(v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	if ref := v.Spec.ClaimRef; ref != nil {
		if ref.Namespace != claim.Namespace || ref.Name != claim.Name || ref.UID != "" && ref.UID != claim.UID {
			return false
		}
	} else if v.Status.Phase != corev1.VolumeAvailable {
		return false
	}
	if v.DeletionTimestamp != nil || v.Spec.StorageClassName != *claim.Spec.StorageClassName || isBlock(v.Spec.VolumeMode) != isBlock(claim.Spec.VolumeMode) {
		return false
	}
	for _, mode := range claim.Spec.AccessModes {
		if !slices.Contains(v.Spec.AccessModes, mode) {
			return false
		}
	}
	if claim.Spec.Selector != nil {
		selector, err := metav1.LabelSelectorAsSelector(claim.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(v.Labels)) {
			return false
		}
	}
	return capacity(v) >= claim.Spec.Resources.Requests.Storage().Value()
}

func isBlock(mode *corev1.PersistentVolumeMode) bool {
	return mode != nil && *mode == corev1.PersistentVolumeBlock
}

// capacity is a volume's size in bytes.
func capacity(v *corev1.PersistentVolume) int64 {
	q := v.Spec.Capacity[corev1.ResourceStorage]
	return q.Value()
}

// reaches reports whether a volume can be used on a node.
func reaches(node *corev1.Node, v *corev1.PersistentVolume) bool {
	affinity := v.Spec.NodeAffinity
	return affinity == nil || affinity.Required == nil || matchesSelector(affinity.Required, node)
}

// inTopology reports whether a node is in one of the topologies; none means all.
func inTopology(terms []corev1.TopologySelectorTerm, node *corev1.Node) bool {
	if len(terms) == 0 {
		return true
	}
	return slices.ContainsFunc(terms, func(term corev1.TopologySelectorTerm) bool {
		for _, r := range term.MatchLabelExpressions {
			if value, ok := node.Labels[r.Key]; !ok || !slices.Contains(r.Values, value) {
				return false
			}
		}
		return true
	})
}

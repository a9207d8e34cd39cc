package volume

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Match returns the volume to bind a claim to, or nil: the one that is reserved
// for it, or else the smallest of those that are free and suffice.
func Match(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) *corev1.PersistentVolume {
	var best *corev1.PersistentVolume
	for _, v := range volumes {
		if v.DeletionTimestamp != nil {
			continue
		}
		if ref := v.Spec.ClaimRef; ref != nil {
			if refersTo(ref, claim) {
				return v
			}
			continue
		}
		if !Suffices(v, claim) {
			continue
		}
		if best == nil || size(v) < size(best) || size(v) == size(best) && v.Name < best.Name {
			best = v
		}
	}
	return best
}

// Suffices reports whether a free volume is all that a claim asks for.
func Suffices(v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	if claim.Spec.VolumeName != "" && claim.Spec.VolumeName != v.Name {
		return false
	}
	if v.Status.Phase != corev1.VolumeAvailable || v.Spec.StorageClassName != className(claim) {
		return false
	}
	if mode(v.Spec.VolumeMode) != mode(claim.Spec.VolumeMode) {
		return false
	}
	for _, m := range claim.Spec.AccessModes {
		if !slices.Contains(v.Spec.AccessModes, m) {
			return false
		}
	}
	if claim.Spec.Selector != nil {
		selector, err := metav1.LabelSelectorAsSelector(claim.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(v.Labels)) {
			return false
		}
	}
	return size(v) >= claim.Spec.Resources.Requests.Storage().Value()
}

// refersTo reports whether a volume's claimRef is this claim. One without a
// uid was reserved by a person before the claim existed.
func refersTo(ref *corev1.ObjectReference, claim *corev1.PersistentVolumeClaim) bool {
	return ref.Namespace == claim.Namespace && ref.Name == claim.Name && (ref.UID == "" || ref.UID == claim.UID)
}

func className(claim *corev1.PersistentVolumeClaim) string {
	if claim.Spec.StorageClassName == nil {
		return ""
	}
	return *claim.Spec.StorageClassName
}

func mode(m *corev1.PersistentVolumeMode) corev1.PersistentVolumeMode {
	if m == nil {
		return corev1.PersistentVolumeFilesystem
	}
	return *m
}

func size(v *corev1.PersistentVolume) int64 {
	q := v.Spec.Capacity[corev1.ResourceStorage]
	return q.Value()
}

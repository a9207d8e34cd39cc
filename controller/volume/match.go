package volume

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// Match returns the volume to bind a claim to, or nil: the one that is reserved
// for it, or else the smallest of those that are free and suffice. With a node,
// the volume has to be reachable from there.
func Match(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume, node *corev1.Node) *corev1.PersistentVolume {
	if reserved := Reserved(claim, volumes); reserved != nil {
		return reserved
	}
	var best *corev1.PersistentVolume
	for _, v := range volumes {
		if v.Spec.ClaimRef != nil || !Suffices(v, claim) || node != nil && !reaches(v, node) {
			continue
		}
		if best == nil || size(v) < size(best) || size(v) == size(best) && v.Name < best.Name {
			best = v
		}
	}
	return best
}

// Reserved returns the volume whose claimRef is the claim, or nil: somebody, or
// this controller a moment ago, has decided already. It must be large enough.
func Reserved(claim *corev1.PersistentVolumeClaim, volumes []*corev1.PersistentVolume) *corev1.PersistentVolume {
	var best *corev1.PersistentVolume
	for _, v := range volumes {
		ref := v.Spec.ClaimRef
		if v.DeletionTimestamp != nil || ref == nil || !refersTo(ref, claim) || !named(v, claim) ||
			mode(v.Spec.VolumeMode) != mode(claim.Spec.VolumeMode) || size(v) < request(claim) {
			continue
		}
		// One that knows the claim's uid was bound already, and comes first.
		if best == nil || best.Spec.ClaimRef.UID == "" && ref.UID != "" || best.Spec.ClaimRef.UID == ref.UID && v.Name < best.Name {
			best = v
		}
	}
	return best
}

// Suffices reports whether a free volume is all that a claim asks for.
func Suffices(v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	if v.DeletionTimestamp != nil || v.Status.Phase != corev1.VolumeAvailable || !named(v, claim) {
		return false
	}
	if v.Spec.StorageClassName != className(claim) || mode(v.Spec.VolumeMode) != mode(claim.Spec.VolumeMode) {
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
	return size(v) >= request(claim)
}

// named reports whether a volume is the one that a claim names, if it names one.
func named(v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	return claim.Spec.VolumeName == "" || claim.Spec.VolumeName == v.Name
}

func request(claim *corev1.PersistentVolumeClaim) int64 {
	return claim.Spec.Resources.Requests.Storage().Value()
}

// reaches reports whether a volume can be used on a node: one of the terms of its
// node affinity, if it has any, must hold in all parts.
func reaches(v *corev1.PersistentVolume, node *corev1.Node) bool {
	if v.Spec.NodeAffinity == nil || v.Spec.NodeAffinity.Required == nil {
		return true
	}
	return slices.ContainsFunc(v.Spec.NodeAffinity.Required.NodeSelectorTerms, func(term corev1.NodeSelectorTerm) bool {
		holds := len(term.MatchExpressions)+len(term.MatchFields) > 0
		for _, r := range term.MatchExpressions {
			holds = holds && meets(r, labels.Set(node.Labels))
		}
		for _, r := range term.MatchFields {
			holds = holds && meets(r, labels.Set{"metadata.name": node.Name})
		}
		return holds
	})
}

func meets(r corev1.NodeSelectorRequirement, set labels.Set) bool {
	operators := map[corev1.NodeSelectorOperator]selection.Operator{
		corev1.NodeSelectorOpIn: selection.In, corev1.NodeSelectorOpNotIn: selection.NotIn,
		corev1.NodeSelectorOpExists: selection.Exists, corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
		corev1.NodeSelectorOpGt: selection.GreaterThan, corev1.NodeSelectorOpLt: selection.LessThan,
	}
	requirement, err := labels.NewRequirement(r.Key, operators[r.Operator], r.Values)
	return err == nil && requirement.Matches(set)
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

package volume

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/controller"
)

// volume takes one step for a volume.
func (b *binder) volume(ctx context.Context, name string) error {
	v, ok := b.volumes.Get("", name)
	if !ok {
		return nil
	}
	ref := v.Spec.ClaimRef
	if ref == nil || ref.UID == "" {
		return b.setVolumePhase(ctx, v, corev1.VolumeAvailable)
	}
	claim, ok := b.claims.Get(ref.Namespace, ref.Name)
	switch {
	case ok && claim.UID == ref.UID && claim.Spec.VolumeName == v.Name:
		return b.setVolumePhase(ctx, v, corev1.VolumeBound)
	case ok && claim.UID == ref.UID && claim.Spec.VolumeName != "":
		return b.unbind(ctx, v)
	case ok && claim.UID == ref.UID:
		return nil // The claim's own step binds it.
	}
	// Data is about to be given up: be sure that the claim is gone.
	live, err := b.claimKind.Get(ctx, ref.Namespace, ref.Name)
	if err == nil && live.UID == ref.UID {
		return controller.ErrRetry
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRecycle && v.Status.Phase != corev1.VolumeReleased {
		b.recorder.Eventf(v, corev1.EventTypeWarning, "VolumeRecycleFailed", "volumes are not recycled: use the reclaim policy Retain or Delete")
	}
	return b.setVolumePhase(ctx, v, corev1.VolumeReleased)
}

// unbind takes a volume back from a claim that has another: the claim was bound
// twice, as happens when two volumes fit and the cache was behind. A volume that
// was made for the claim is of no use to others, and goes; one that was reserved by
// a person stays reserved.
func (b *binder) unbind(ctx context.Context, v *corev1.PersistentVolume) error {
	if v.Annotations[annProvisioned] != "" && v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
		return b.setVolumePhase(ctx, v, corev1.VolumeReleased)
	}
	update := v.DeepCopy()
	if v.Annotations[annByController] != "" {
		delete(update.Annotations, annByController)
		update.Spec.ClaimRef = nil
	} else {
		update.Spec.ClaimRef.UID, update.Spec.ClaimRef.ResourceVersion = "", ""
	}
	stored, err := b.volKind.Update(ctx, update)
	if err != nil {
		return err
	}
	return b.setVolumePhase(ctx, stored, corev1.VolumeAvailable)
}

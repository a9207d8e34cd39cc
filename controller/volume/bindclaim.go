package volume

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/controller"
)

// claim takes one step for a claim.
func (b *binder) claim(ctx context.Context, key controller.Key) error {
	claim, ok := b.claims.Get(key.Namespace, key.Name)
	if !ok || claim.DeletionTimestamp != nil {
		return nil
	}
	if claim.Annotations[annBound] != "" {
		return b.stillBound(ctx, claim)
	}
	v, ok := b.choose(claim)
	if !ok {
		return b.wait(ctx, claim)
	}
	bound, err := b.bindVolume(ctx, v, claim)
	if err != nil {
		return err
	}
	return b.bindClaim(ctx, claim, bound)
}

// choose finds the claim's volume. A claim that waits for its first consumer
// takes none but those reserved for it before it is known where that will run,
// and then only one that can be reached from there.
func (b *binder) choose(claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, bool) {
	volumes := b.volumes.List("", nil)
	if claim.Spec.VolumeName != "" || !b.waitsForConsumer(claim) {
		v := Match(claim, volumes, nil)
		return v, v != nil
	}
	node, known := b.nodes.Get("", claim.Annotations[annSelectedNode])
	if !known {
		v := Reserved(claim, volumes)
		return v, v != nil
	}
	v := Match(claim, volumes, node)
	return v, v != nil
}

// bindVolume writes the claim into the volume.
func (b *binder) bindVolume(ctx context.Context, v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolume, error) {
	if ref := v.Spec.ClaimRef; ref == nil || ref.UID == "" {
		update := v.DeepCopy()
		if ref == nil {
			update.Annotations = with(update.Annotations, annByController, "yes")
		}
		update.Spec.ClaimRef = &corev1.ObjectReference{
			APIVersion: "v1", Kind: "PersistentVolumeClaim",
			Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
		}
		var err error
		if v, err = b.volKind.Update(ctx, update); err != nil {
			return nil, err
		}
	}
	return v, b.setVolumePhase(ctx, v, corev1.VolumeBound)
}

// bindClaim writes the volume into the claim.
func (b *binder) bindClaim(ctx context.Context, claim *corev1.PersistentVolumeClaim, v *corev1.PersistentVolume) error {
	update := claim.DeepCopy()
	if update.Spec.VolumeName == "" {
		update.Spec.VolumeName = v.Name
		update.Annotations = with(update.Annotations, annByController, "yes")
	}
	update.Annotations = with(update.Annotations, annBound, "yes")
	stored, err := b.claimKind.Update(ctx, update)
	if err != nil {
		return err
	}
	return b.setPhase(ctx, stored, corev1.ClaimBound, v)
}

// stillBound keeps a bound claim's status true: its volume may be gone.
func (b *binder) stillBound(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	v, ok := b.volumes.Get("", claim.Spec.VolumeName)
	if ok && (v.Spec.ClaimRef == nil || refersTo(v.Spec.ClaimRef, claim)) {
		if _, err := b.bindVolume(ctx, v, claim); err != nil {
			return err
		}
		return b.setPhase(ctx, claim, corev1.ClaimBound, v)
	}
	if claim.Status.Phase == corev1.ClaimLost {
		return nil
	}
	if claim.Spec.VolumeName != "" {
		// The cache may be behind: only the API server can say that it is gone.
		live, err := b.volKind.Get(ctx, "", claim.Spec.VolumeName)
		if err == nil && (live.Spec.ClaimRef == nil || refersTo(live.Spec.ClaimRef, claim)) {
			return controller.ErrRetry
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	b.recorder.Eventf(claim, corev1.EventTypeWarning, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
	return b.setPhase(ctx, claim, corev1.ClaimLost, nil)
}

// wait is what happens to a claim for which there is no volume: its class'
// provisioner is told, as soon as the class wants it.
func (b *binder) wait(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	class, ok := b.classes.Get("", className(claim))
	switch {
	case claim.Spec.VolumeName != "":
		b.recorder.Eventf(claim, corev1.EventTypeNormal, "FailedBinding", "volume %q is not there, belongs to another claim, or is not what this one asks for", claim.Spec.VolumeName)
	case !ok:
		b.recorder.Eventf(claim, corev1.EventTypeNormal, "FailedBinding",
			"no persistent volumes available for this claim and no storage class %q", className(claim))
	case waits(claim, class):
		b.recorder.Eventf(claim, corev1.EventTypeNormal, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
	case class.Provisioner == "kubernetes.io/no-provisioner":
		b.recorder.Eventf(claim, corev1.EventTypeNormal, "FailedBinding", "no persistent volumes available for this claim")
	case claim.Annotations[annProvisioner] != class.Provisioner:
		update := claim.DeepCopy()
		update.Annotations = with(update.Annotations, annProvisioner, class.Provisioner)
		stored, err := b.claimKind.Update(ctx, update)
		if err != nil {
			return err
		}
		claim = stored
		b.recorder.Eventf(claim, corev1.EventTypeNormal, "ExternalProvisioning", "waiting for a volume to be created by provisioner %q", class.Provisioner)
	}
	return b.setPhase(ctx, claim, corev1.ClaimPending, nil)
}

func (b *binder) waitsForConsumer(claim *corev1.PersistentVolumeClaim) bool {
	class, ok := b.classes.Get("", className(claim))
	return ok && bindsLate(class)
}

// bindsLate reports whether the claims of a class wait for their first pod.
func bindsLate(class *storagev1.StorageClass) bool {
	return class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}

// waits reports whether a claim is still waiting for its first pod.
func waits(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) bool {
	return bindsLate(class) && claim.Annotations[annSelectedNode] == ""
}

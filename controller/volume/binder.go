package volume

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// BinderName is the binder's name.
const BinderName = "persistentvolume-binder"

// Annotations that say who did what, as Kubernetes writes them.
const (
	annBound        = "pv.kubernetes.io/bind-completed"
	annByController = "pv.kubernetes.io/bound-by-controller"
	annProvisioner  = "volume.kubernetes.io/storage-provisioner"
	annSelectedNode = "volume.kubernetes.io/selected-node"
	annProvisioned  = "pv.kubernetes.io/provisioned-by"
)

type binder struct {
	claims    *client.Informer[*corev1.PersistentVolumeClaim]
	volumes   *client.Informer[*corev1.PersistentVolume]
	classes   *client.Informer[*storagev1.StorageClass]
	nodes     *client.Informer[*corev1.Node]
	claimKind *client.Kind[*corev1.PersistentVolumeClaim]
	volKind   *client.Kind[*corev1.PersistentVolume]
	recorder  *client.Recorder
}

// NewBinder returns the controller that binds claims to volumes. Its keys are
// claims, with their namespace, and volumes, without.
func NewBinder(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	b := &binder{
		claims:    client.Shared[*corev1.PersistentVolumeClaim](informers),
		volumes:   client.Shared[*corev1.PersistentVolume](informers),
		classes:   client.Shared[*storagev1.StorageClass](informers),
		nodes:     client.Shared[*corev1.Node](informers),
		claimKind: client.For[*corev1.PersistentVolumeClaim](c),
		volKind:   client.For[*corev1.PersistentVolume](c),
		recorder:  opts.Recorder,
	}
	// One step at a time: two claims must not be given one volume.
	opts.Workers = 1
	ctl := controller.New(BinderName, b, opts)
	b.volumes.AddIndex(byClaim, func(v *corev1.PersistentVolume) []string {
		if v.Spec.ClaimRef == nil {
			return nil
		}
		return []string{api.Key(v.Spec.ClaimRef.Namespace, v.Spec.ClaimRef.Name)}
	})
	controller.Watch(ctl, b.claims, b.ofClaim)
	controller.Watch(ctl, b.volumes, b.ofVolume)
	controller.Watch(ctl, b.classes, b.ofClass)
	ctl.WaitFor(b.nodes.Synced())
	return ctl
}

// byClaim is the index of volumes by the claim in their claimRef.
const byClaim = "claimRef"

// ofClaim are a claim itself and the volumes it concerns: the one it names, and
// those that name it.
func (b *binder) ofClaim(claim *corev1.PersistentVolumeClaim) []controller.Key {
	keys := []controller.Key{controller.KeyOf(claim)}
	if claim.Spec.VolumeName != "" {
		keys = append(keys, controller.Key{Name: claim.Spec.VolumeName})
	}
	for _, v := range b.volumes.ByIndex(byClaim, api.Key(claim.Namespace, claim.Name)) {
		keys = append(keys, controller.KeyOf(v))
	}
	return keys
}

// ofVolume are a volume itself and the claims it concerns: its own, or, of one
// that is free, all that wait, and those that name it.
func (b *binder) ofVolume(v *corev1.PersistentVolume) []controller.Key {
	keys := []controller.Key{{Name: v.Name}}
	if ref := v.Spec.ClaimRef; ref != nil {
		keys = append(keys, controller.Key{Namespace: ref.Namespace, Name: ref.Name})
	}
	for _, claim := range b.claims.List("", nil) {
		waits := claim.Status.Phase != corev1.ClaimBound && v.Spec.ClaimRef == nil
		if waits || claim.Spec.VolumeName == v.Name {
			keys = append(keys, controller.KeyOf(claim))
		}
	}
	return keys
}

// ofClass are the claims that wait for something of a class.
func (b *binder) ofClass(class *storagev1.StorageClass) (keys []controller.Key) {
	for _, claim := range b.claims.List("", nil) {
		if claim.Status.Phase != corev1.ClaimBound && className(claim) == class.Name {
			keys = append(keys, controller.KeyOf(claim))
		}
	}
	return keys
}

// Reconcile implements controller.Reconciler.
func (b *binder) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	if key.Namespace == "" {
		return controller.Result{}, b.volume(ctx, key.Name)
	}
	return controller.Result{}, b.claim(ctx, key)
}

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

func (b *binder) setPhase(ctx context.Context, claim *corev1.PersistentVolumeClaim, phase corev1.PersistentVolumeClaimPhase, v *corev1.PersistentVolume) error {
	_, err := b.claimKind.ModifyStatus(ctx, claim.Namespace, claim.Name, func(live *corev1.PersistentVolumeClaim) error {
		if live.UID != claim.UID {
			return nil
		}
		live.Status.Phase = phase
		if phase != corev1.ClaimBound {
			live.Status.AccessModes, live.Status.Capacity = nil, nil
		}
		if v != nil {
			live.Status.AccessModes, live.Status.Capacity = v.Spec.AccessModes, v.Spec.Capacity
		}
		return nil
	})
	return ignoreNotFound(err)
}

func (b *binder) setVolumePhase(ctx context.Context, v *corev1.PersistentVolume, phase corev1.PersistentVolumePhase) error {
	if v.Status.Phase == phase {
		return nil
	}
	_, err := b.volKind.ModifyStatus(ctx, "", v.Name, func(live *corev1.PersistentVolume) error {
		live.Status.Phase = phase
		return nil
	})
	return ignoreNotFound(err)
}

// with returns the annotations with one more.
func with(annotations map[string]string, key, value string) map[string]string {
	annotations = maps.Clone(annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	return annotations
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

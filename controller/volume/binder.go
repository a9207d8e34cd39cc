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

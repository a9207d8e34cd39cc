package volume

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// The names of the protection controllers, and the finalizers they look after,
// which admission puts on claims and volumes.
const (
	ClaimProtectionName  = "persistentvolumeclaim-protection"
	VolumeProtectionName = "persistentvolume-protection"

	claimFinalizer  = "kubernetes.io/pvc-protection"
	volumeFinalizer = "kubernetes.io/pv-protection"
)

type claimProtection struct {
	claims *client.Informer[*corev1.PersistentVolumeClaim]
	pods   *client.Informer[*corev1.Pod]
	kind   *client.Kind[*corev1.PersistentVolumeClaim]
	live   *client.Kind[*corev1.Pod]
}

// NewClaimProtection returns the controller that lets a deleted claim go once no
// pod uses it.
func NewClaimProtection(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	p := &claimProtection{
		claims: client.Shared[*corev1.PersistentVolumeClaim](informers),
		pods:   client.Shared[*corev1.Pod](informers),
		kind:   client.For[*corev1.PersistentVolumeClaim](c),
		live:   client.For[*corev1.Pod](c),
	}
	ctl := controller.New(ClaimProtectionName, p, opts)
	controller.Watch(ctl, p.claims, controller.Self)
	controller.Watch(ctl, p.pods, func(pod *corev1.Pod) []controller.Key {
		var keys []controller.Key
		for i := range pod.Spec.Volumes {
			if source := pod.Spec.Volumes[i].PersistentVolumeClaim; source != nil {
				keys = append(keys, controller.Key{Namespace: pod.Namespace, Name: source.ClaimName})
			}
		}
		return keys
	})
	return ctl
}

// Reconcile implements controller.Reconciler.
func (p *claimProtection) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	claim, ok := p.claims.Get(key.Namespace, key.Name)
	if !ok || claim.DeletionTimestamp == nil || !slices.Contains(claim.Finalizers, claimFinalizer) {
		return controller.Result{}, nil
	}
	if uses(p.pods.List(key.Namespace, nil), key.Name) {
		return controller.Result{}, nil
	}
	// The cache may not show the newest pod yet.
	list, err := p.live.List(ctx, key.Namespace, client.ListOptions{})
	if err != nil {
		return controller.Result{}, err
	}
	if uses(list.Items, key.Name) {
		return controller.Result{}, controller.ErrRetry
	}
	return controller.Result{}, unprotect(ctx, p.kind, claim, claimFinalizer)
}

// unprotect takes a finalizer from an object that is being deleted, not from
// another that may have its name by now.
func unprotect[T api.Object](ctx context.Context, kind *client.Kind[T], obj T, finalizer string) error {
	_, err := kind.Modify(ctx, obj.GetNamespace(), obj.GetName(), func(live T) error {
		if live.GetUID() == obj.GetUID() && live.GetDeletionTimestamp() != nil {
			live.SetFinalizers(slices.DeleteFunc(live.GetFinalizers(), func(f string) bool { return f == finalizer }))
		}
		return nil
	})
	return ignoreNotFound(err)
}

// uses reports whether a pod that has a node uses the claim: no kubelet starts one
// whose claim is being deleted, but once it has a node it may be running. One
// that has ended counts until it is gone, since its volumes may still be mounted.
func uses(pods []*corev1.Pod, claim string) bool {
	return slices.ContainsFunc(pods, func(pod *corev1.Pod) bool {
		if pod.Spec.NodeName == "" {
			return false
		}
		return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim
		})
	})
}

type volumeProtection struct {
	volumes *client.Informer[*corev1.PersistentVolume]
	kind    *client.Kind[*corev1.PersistentVolume]
}

// NewVolumeProtection returns the controller that lets a deleted volume go once
// no claim is bound to it.
func NewVolumeProtection(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	p := &volumeProtection{
		volumes: client.Shared[*corev1.PersistentVolume](informers),
		kind:    client.For[*corev1.PersistentVolume](c),
	}
	ctl := controller.New(VolumeProtectionName, p, opts)
	controller.Watch(ctl, p.volumes, controller.Self)
	return ctl
}

// Reconcile implements controller.Reconciler.
func (p *volumeProtection) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	v, ok := p.volumes.Get("", key.Name)
	if !ok || v.DeletionTimestamp == nil || !slices.Contains(v.Finalizers, volumeFinalizer) || v.Status.Phase == corev1.VolumeBound {
		return controller.Result{}, nil
	}
	return controller.Result{}, unprotect(ctx, p.kind, v, volumeFinalizer)
}

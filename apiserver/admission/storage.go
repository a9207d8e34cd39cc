package admission

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

const (
	defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class"
	pvcProtection          = "kubernetes.io/pvc-protection"
	pvProtection           = "kubernetes.io/pv-protection"
	vacProtection          = "kubernetes.io/vac-protection"
)

// DefaultStorageClass gives claims that name no class the default one
// (https://kubernetes.io/docs/concepts/storage/storage-classes/#default-storageclass).
// An empty name is a choice too: a volume without a class.
type DefaultStorageClass struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (d DefaultStorageClass) Mutate(ctx context.Context, a *apiserver.Admission) error {
	claim, ok := a.Object.(*corev1.PersistentVolumeClaim)
	if !ok || !on(a, apiserver.Create) || claim.Spec.StorageClassName != nil ||
		claim.Annotations[corev1.BetaStorageClassAnnotation] != "" {
		return nil
	}
	classes, err := typed.List[*storagev1.StorageClass](ctx, d.Objects, "")
	if err != nil {
		return err
	}
	if class := newestMarked(classes, defaultClassAnnotation); class != nil {
		name := class.Name
		claim.Spec.StorageClassName = &name
	}
	return nil
}

// Validate implements apiserver.Hook.
func (DefaultStorageClass) Validate(context.Context, *apiserver.Admission) error { return nil }

// newestMarked returns the newest class with the annotation "true", or none. Of
// those made in the same second it is the first by name.
func newestMarked[T interface {
	api.Object
	comparable
}](classes []T, annotation string) T {
	var none, found T
	for _, class := range classes {
		if class.GetAnnotations()[annotation] != "true" {
			continue
		}
		if found == none {
			found = class
			continue
		}
		made, best := class.GetCreationTimestamp(), found.GetCreationTimestamp()
		if best.Before(&made) || best.Equal(&made) && class.GetName() < found.GetName() {
			found = class
		}
	}
	return found
}

// StorageObjectInUseProtection puts a finalizer on claims, volumes and classes of
// attributes, which controllers take away once nobody uses them.
func StorageObjectInUseProtection() apiserver.Hook {
	return apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
		if !on(a, apiserver.Create) {
			return nil
		}
		switch obj := a.Object.(type) {
		case *corev1.PersistentVolumeClaim:
			protect(obj, pvcProtection)
		case *corev1.PersistentVolume:
			protect(obj, pvProtection)
		case *storagev1.VolumeAttributesClass:
			protect(obj, vacProtection)
		}
		return nil
	})
}

func protect(obj api.Object, finalizer string) {
	if !slices.Contains(obj.GetFinalizers(), finalizer) {
		obj.SetFinalizers(append(slices.Clone(obj.GetFinalizers()), finalizer))
	}
}

// PersistentVolumeClaimResize lets a claim grow only where its class says that
// volumes can.
type PersistentVolumeClaimResize struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (PersistentVolumeClaimResize) Mutate(context.Context, *apiserver.Admission) error { return nil }

// Validate implements apiserver.Hook.
func (p PersistentVolumeClaimResize) Validate(ctx context.Context, a *apiserver.Admission) error {
	claim, ok := a.Object.(*corev1.PersistentVolumeClaim)
	old, replaces := a.Old.(*corev1.PersistentVolumeClaim)
	if !ok || !replaces || !on(a, apiserver.Update) {
		return nil
	}
	size, was := claim.Spec.Resources.Requests[corev1.ResourceStorage], old.Spec.Resources.Requests[corev1.ResourceStorage]
	if size.Cmp(was) <= 0 {
		return nil
	}
	refuse := func(why string) error {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf("%s", why))
	}
	if old.Status.Phase != corev1.ClaimBound {
		return refuse("Only bound persistent volume claims can be expanded")
	}
	name := className(claim)
	class, err := typed.Get[*storagev1.StorageClass](ctx, p.Objects, "", name)
	if name == "" || name != className(old) || err != nil || class.AllowVolumeExpansion == nil || !*class.AllowVolumeExpansion {
		return refuse("only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize")
	}
	return nil
}

func className(claim *corev1.PersistentVolumeClaim) string {
	if class, ok := claim.Annotations[corev1.BetaStorageClassAnnotation]; ok {
		return class
	}
	if claim.Spec.StorageClassName == nil {
		return ""
	}
	return *claim.Spec.StorageClassName
}

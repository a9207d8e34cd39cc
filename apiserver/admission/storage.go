package admission

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

const (
	defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class"
	pvcProtection          = "kubernetes.io/pvc-protection"
	pvProtection           = "kubernetes.io/pv-protection"
)

// DefaultStorageClass gives a claim that names no class the default one. A claim
// with the class "" wants none and keeps that.
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
	if class := defaultStorageClass(classes); class != nil {
		name := class.Name
		claim.Spec.StorageClassName = &name
	}
	return nil
}

// Validate implements apiserver.Hook.
func (DefaultStorageClass) Validate(context.Context, *apiserver.Admission) error { return nil }

// defaultStorageClass returns the default, of several the newest, then the first
// by name.
func defaultStorageClass(classes []*storagev1.StorageClass) *storagev1.StorageClass {
	var found *storagev1.StorageClass
	for _, class := range classes {
		if class.Annotations[defaultClassAnnotation] != "true" {
			continue
		}
		newer := found == nil || found.CreationTimestamp.Before(&class.CreationTimestamp)
		same := found != nil && found.CreationTimestamp.Equal(&class.CreationTimestamp)
		if newer || same && class.Name < found.Name {
			found = class
		}
	}
	return found
}

// StorageObjectInUseProtection puts a finalizer on volumes and claims. The
// controllers that know whether they are in use take it away when it is safe.
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
		}
		return nil
	})
}

func protect(obj api.Object, finalizer string) {
	if !slices.Contains(obj.GetFinalizers(), finalizer) {
		obj.SetFinalizers(append(slices.Clone(obj.GetFinalizers()), finalizer))
	}
}

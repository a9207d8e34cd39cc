package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func persistentVolumeClaims() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"),
		Plural:           "persistentvolumeclaims",
		Singular:         "persistentvolumeclaim",
		ShortNames:       []string{"pvc"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.PersistentVolumeClaim{} },
		NewList:          func() runtime.Object { return &corev1.PersistentVolumeClaimList{} },
		Default:          api.Do(defaultClaim),
		PrepareCreate: api.Do(func(pvc *corev1.PersistentVolumeClaim) {
			pvc.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}
		}),
		Validate: rule(func(j *judge, pvc *corev1.PersistentVolumeClaim) {
			checkClaimSpec(j, &pvc.Spec, field.NewPath("spec"))
		}),
		ValidateUpdate: pairRule(checkClaimUpdate),
		ValidateStatus: pairRule(func(j *judge, pvc, _ *corev1.PersistentVolumeClaim) {
			path := field.NewPath("status", "capacity")
			for _, name := range sortedKeys(pvc.Status.Capacity) {
				size := pvc.Status.Capacity[name]
				if size.Sign() < 0 {
					j.invalid(path.Key(string(name)), size.Value(), "must be a valid resource quantity")
				}
			}
		}),
		CopyStatus:          api.Pair(func(dst, src *corev1.PersistentVolumeClaim) { dst.Status = src.Status }),
		DeleteReturnsObject: true,
		Columns:             claimColumns(),
	}
}

func defaultClaim(pvc *corev1.PersistentVolumeClaim) {
	setDefault(&pvc.Status.Phase, corev1.ClaimPending)
	defaultClaimSpec(&pvc.Spec)
}

func defaultClaimSpec(spec *corev1.PersistentVolumeClaimSpec) {
	setDefaultPtr(&spec.VolumeMode, corev1.PersistentVolumeFilesystem)
	roundResources(spec.Resources.Requests)
	roundResources(spec.Resources.Limits)
}

func checkClaimSpec(j *judge, spec *corev1.PersistentVolumeClaimSpec, path *field.Path) {
	if len(spec.AccessModes) == 0 {
		j.required(path.Child("accessModes"), "at least 1 access mode is required")
	}
	checkAccessModes(j, spec.AccessModes, path.Child("accessModes"))
	if spec.Selector != nil {
		checkSelector(j, spec.Selector, path.Child("selector"))
	}
	storage, asked := spec.Resources.Requests[corev1.ResourceStorage]
	requested := path.Child("resources").Key(string(corev1.ResourceStorage))
	switch {
	case !asked:
		j.required(requested, "")
	case storage.Sign() <= 0:
		j.invalid(requested, storage.String(), "must be greater than zero")
	}
	if spec.StorageClassName != nil && *spec.StorageClassName != "" {
		j.subdomain(path.Child("storageClassName"), *spec.StorageClassName)
	}
	if spec.VolumeMode != nil {
		supported(j, path.Child("volumeMode"), *spec.VolumeMode, volumeModes()...)
	}
	j.unsupported(path.Child("dataSource"), spec.DataSource != nil)
	j.unsupported(path.Child("dataSourceRef"), spec.DataSourceRef != nil)
	j.unsupported(path.Child("volumeAttributesClassName"), spec.VolumeAttributesClassName != nil)
}

// checkClaimUpdate keeps what was asked for, but for two things: the binder
// names the volume, once; and a bound claim may ask for more room.
func checkClaimUpdate(j *judge, pvc, old *corev1.PersistentVolumeClaim) {
	spec, was := pvc.Spec.DeepCopy(), old.Spec.DeepCopy()
	if was.VolumeName == "" {
		was.VolumeName = spec.VolumeName
	}
	if pvc.Status.Phase == corev1.ClaimBound {
		was.Resources.Requests = spec.Resources.Requests
	}
	if was.StorageClassName == nil {
		was.StorageClassName = spec.StorageClassName // a default class came later
	}
	if !same(spec, was) {
		j.forbidden(field.NewPath("spec"),
			"spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims")
	}

	size := func(list corev1.ResourceList) resource.Quantity { return list[corev1.ResourceStorage] }
	wants, wanted, has := size(pvc.Spec.Resources.Requests), size(old.Spec.Resources.Requests), size(old.Status.Capacity)
	if wants.Cmp(wanted) < 0 && wants.Cmp(has) <= 0 {
		j.forbidden(field.NewPath("spec", "resources", "requests", "storage"), "field can not be less than status.capacity")
	}
}

func claimColumns() []api.Column {
	type claim = *corev1.PersistentVolumeClaim
	return table(
		text("Status", docs(corev1.PersistentVolumeClaimStatus{}, "phase"), func(pvc claim) string {
			return phaseText(pvc, string(pvc.Status.Phase))
		}),
		text("Volume", docs(corev1.PersistentVolumeClaimSpec{}, "volumeName"), func(pvc claim) string { return pvc.Spec.VolumeName }),
		text("Capacity", docs(corev1.PersistentVolumeClaimStatus{}, "capacity"), func(pvc claim) string {
			if pvc.Spec.VolumeName == "" {
				return ""
			}
			size := pvc.Status.Capacity[corev1.ResourceStorage]
			return size.String()
		}),
		text("Access Modes", docs(corev1.PersistentVolumeClaimStatus{}, "accessModes"), func(pvc claim) string {
			if pvc.Spec.VolumeName == "" {
				return ""
			}
			return accessModesText(pvc.Status.AccessModes)
		}),
		text("StorageClass", "StorageClass of the pvc", func(pvc claim) string {
			return or(pvc.Annotations[corev1.BetaStorageClassAnnotation], textOr(pvc.Spec.StorageClassName, ""))
		}),
		text("VolumeAttributesClass", "VolumeAttributesClass of the pvc", func(pvc claim) string {
			return textOr(pvc.Spec.VolumeAttributesClassName, unset)
		}),
		api.AgeColumn(),
		wide(text("VolumeMode", docs(corev1.PersistentVolumeClaimSpec{}, "volumeMode"), func(pvc claim) string {
			return textOr(pvc.Spec.VolumeMode, unset)
		})),
	)
}

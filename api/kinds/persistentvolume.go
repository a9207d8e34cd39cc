package kinds

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func persistentVolumes() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("PersistentVolume"),
		Plural:           "persistentvolumes",
		Singular:         "persistentvolume",
		ShortNames:       []string{"pv"},
		New:              func() api.Object { return &corev1.PersistentVolume{} },
		NewList:          func() runtime.Object { return &corev1.PersistentVolumeList{} },
		Default:          api.Do(defaultVolumeObject),
		PrepareCreate: api.Do(func(pv *corev1.PersistentVolume) {
			now := metav1.Now()
			pv.Status = corev1.PersistentVolumeStatus{Phase: corev1.VolumePending, LastPhaseTransitionTime: &now}
		}),
		PrepareStatus:       api.Pair(noteTransition),
		Validate:            rule(checkPersistentVolume),
		ValidateUpdate:      pairRule(checkPersistentVolumeUpdate),
		CopyStatus:          api.Pair(func(dst, src *corev1.PersistentVolume) { dst.Status = src.Status }),
		DeleteReturnsObject: true,
		Columns:             persistentVolumeColumns(),
	}
}

// noteTransition says when the phase changed, unless the client does.
func noteTransition(pv, old *corev1.PersistentVolume) {
	was, now := old.Status.LastPhaseTransitionTime, pv.Status.LastPhaseTransitionTime
	switch changed := pv.Status.Phase != old.Status.Phase; {
	case !changed && now == nil:
		pv.Status.LastPhaseTransitionTime = was
	case changed && (now == nil || now.Equal(was)):
		pv.Status.LastPhaseTransitionTime = new(metav1.Now())
	}
}

func defaultVolumeObject(pv *corev1.PersistentVolume) {
	setDefault(&pv.Status.Phase, corev1.VolumePending)
	setDefault(&pv.Spec.PersistentVolumeReclaimPolicy, corev1.PersistentVolumeReclaimRetain)
	setDefaultPtr(&pv.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
	if pv.Spec.HostPath != nil {
		setDefaultPtr(&pv.Spec.HostPath.Type, corev1.HostPathUnset)
	}
}

func checkPersistentVolume(j *judge, pv *corev1.PersistentVolume) {
	spec, path := &pv.Spec, field.NewPath("spec")
	if len(spec.AccessModes) == 0 {
		j.required(path.Child("accessModes"), "")
	}
	checkAccessModes(j, spec.AccessModes, path.Child("accessModes"))
	checkCapacity(j, spec.Capacity, path.Child("capacity"))
	emptyOrOneOf(j, path.Child("persistentVolumeReclaimPolicy"), spec.PersistentVolumeReclaimPolicy,
		corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRecycle, corev1.PersistentVolumeReclaimRetain)
	if spec.HostPath != nil && spec.HostPath.Path == "/" && spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRecycle {
		j.forbidden(path.Child("persistentVolumeReclaimPolicy"), "may not be 'recycle' for a hostPath mount of '/'")
	}
	if spec.StorageClassName != "" {
		j.subdomain(path.Child("storageClassName"), spec.StorageClassName)
	}
	if spec.VolumeMode != nil {
		supported(j, path.Child("volumeMode"), *spec.VolumeMode, volumeModes()...)
	}
	j.unsupported(path.Child("volumeAttributesClassName"), spec.VolumeAttributesClassName != nil)
	if spec.NodeAffinity != nil {
		if spec.NodeAffinity.Required == nil {
			j.required(path.Child("nodeAffinity", "required"), "must specify required node constraints")
		} else {
			checkNodeSelector(j, spec.NodeAffinity.Required, path.Child("nodeAffinity", "required"))
		}
	}
	checkVolumeHome(j, spec, path)
}

// checkVolumeHome judges where the volume's bytes are.
func checkVolumeHome(j *judge, spec *corev1.PersistentVolumeSpec, path *field.Path) {
	src := spec.PersistentVolumeSource
	known := corev1.PersistentVolumeSource{HostPath: src.HostPath, NFS: src.NFS, Local: src.Local, CSI: src.CSI}
	if src != known {
		j.forbidden(path, "the volume type is not supported by this server; use csi, hostPath, local or nfs")
		return
	}
	j.exactlyOne(path, tooManyVolumes, noVolume,
		choice{"hostPath", src.HostPath != nil, func(p *field.Path) { checkHostPath(j, src.HostPath, p) }},
		choice{"nfs", src.NFS != nil, func(p *field.Path) { checkNFS(j, src.NFS, p) }},
		choice{"local", src.Local != nil, func(p *field.Path) {
			if j.filled(p.Child("path"), src.Local.Path) {
				checkNoBacksteps(j, src.Local.Path, p.Child("path"))
			}
			if spec.NodeAffinity == nil {
				j.required(path.Child("nodeAffinity"), "Local volume requires node affinity")
			}
		}},
		choice{"csi", src.CSI != nil, func(p *field.Path) {
			checkDriverName(j, src.CSI.Driver, p.Child("driver"))
			j.filled(p.Child("volumeHandle"), src.CSI.VolumeHandle)
		}},
	)
}

func checkPersistentVolumeUpdate(j *judge, pv, old *corev1.PersistentVolume) {
	if !same(pv.Spec.PersistentVolumeSource, old.Spec.PersistentVolumeSource) {
		j.forbidden(field.NewPath("spec", "persistentvolumesource"), "spec.persistentvolumesource is immutable after creation")
	}
	j.unchanged(field.NewPath("volumeMode"), pv.Spec.VolumeMode, old.Spec.VolumeMode)
	if old.Spec.NodeAffinity != nil {
		j.unchanged(field.NewPath("spec", "nodeAffinity"), pv.Spec.NodeAffinity, old.Spec.NodeAffinity)
	}
}

func checkAccessModes(j *judge, modes []corev1.PersistentVolumeAccessMode, path *field.Path) {
	alone, shared := false, false
	for _, mode := range modes {
		supported(j, path, mode, corev1.ReadOnlyMany, corev1.ReadWriteMany, corev1.ReadWriteOnce, corev1.ReadWriteOncePod)
		alone = alone || mode == corev1.ReadWriteOncePod
		shared = shared || slices.Contains([]corev1.PersistentVolumeAccessMode{
			corev1.ReadOnlyMany, corev1.ReadWriteMany, corev1.ReadWriteOnce,
		}, mode)
	}
	if alone && shared {
		j.forbidden(path, "may not use ReadWriteOncePod with other access modes")
	}
}

func checkCapacity(j *judge, capacity corev1.ResourceList, path *field.Path) {
	if len(capacity) == 0 {
		j.required(path, "")
	}
	storage, ok := capacity[corev1.ResourceStorage]
	if !ok || len(capacity) > 1 {
		j.add(field.ErrorList{field.NotSupported(path, capacity, []corev1.ResourceName{corev1.ResourceStorage})})
		return
	}
	if storage.Sign() <= 0 {
		j.invalid(path.Key(string(corev1.ResourceStorage)), storage.String(), "must be greater than zero")
	}
}

func volumeModes() []corev1.PersistentVolumeMode {
	return []corev1.PersistentVolumeMode{corev1.PersistentVolumeBlock, corev1.PersistentVolumeFilesystem}
}

func persistentVolumeColumns() []api.Column {
	return table(
		text("Capacity", docs(corev1.PersistentVolumeSpec{}, "capacity"), func(pv *corev1.PersistentVolume) string {
			size := pv.Spec.Capacity[corev1.ResourceStorage]
			return size.String()
		}),
		text("Access Modes", docs(corev1.PersistentVolumeSpec{}, "accessModes"), func(pv *corev1.PersistentVolume) string {
			return accessModesText(pv.Spec.AccessModes)
		}),
		text("Reclaim Policy", docs(corev1.PersistentVolumeSpec{}, "persistentVolumeReclaimPolicy"), func(pv *corev1.PersistentVolume) string {
			return string(pv.Spec.PersistentVolumeReclaimPolicy)
		}),
		text("Status", docs(corev1.PersistentVolumeStatus{}, "phase"), func(pv *corev1.PersistentVolume) string {
			return phaseText(pv, string(pv.Status.Phase))
		}),
		text("Claim", docs(corev1.PersistentVolumeSpec{}, "claimRef"), func(pv *corev1.PersistentVolume) string {
			if pv.Spec.ClaimRef == nil {
				return ""
			}
			return pv.Spec.ClaimRef.Namespace + "/" + pv.Spec.ClaimRef.Name
		}),
		text("StorageClass", "StorageClass of the pv", func(pv *corev1.PersistentVolume) string {
			return or(pv.Annotations[corev1.BetaStorageClassAnnotation], pv.Spec.StorageClassName)
		}),
		text("VolumeAttributesClass", "VolumeAttributesClass of the pv", func(pv *corev1.PersistentVolume) string {
			return textOr(pv.Spec.VolumeAttributesClassName, unset)
		}),
		text("Reason", docs(corev1.PersistentVolumeStatus{}, "reason"), func(pv *corev1.PersistentVolume) string { return pv.Status.Reason }),
		api.AgeColumn(),
		wide(text("VolumeMode", docs(corev1.PersistentVolumeSpec{}, "volumeMode"), func(pv *corev1.PersistentVolume) string {
			return textOr(pv.Spec.VolumeMode, unset)
		})),
	)
}

// phaseText shows the phase of an object that may be on its way out.
func phaseText(obj api.Object, phase string) string {
	if obj.GetDeletionTimestamp() != nil {
		return "Terminating"
	}
	return phase
}

// textOr shows a text that may not be there.
func textOr[T ~string](s *T, nothing string) string {
	if s == nil {
		return nothing
	}
	return string(*s)
}

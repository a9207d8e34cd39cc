package kinds

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// volumeAttachments ask for a volume to be brought to a node.
func volumeAttachments() *api.Resource {
	type attachment = *storagev1.VolumeAttachment
	spec := storagev1.VolumeAttachmentSpec{}.SwaggerDoc()
	attacher := text("Attacher", spec["attacher"], func(a attachment) string { return a.Spec.Attacher })
	attacher.Format = "name"
	return &api.Resource{
		GroupVersionKind: storagev1.SchemeGroupVersion.WithKind("VolumeAttachment"),
		Plural:           "volumeattachments",
		Singular:         "volumeattachment",
		New:              func() api.Object { return &storagev1.VolumeAttachment{} },
		NewList:          func() runtime.Object { return &storagev1.VolumeAttachmentList{} },
		Validate:         rule(checkVolumeAttachment),
		ValidateUpdate: pairRule(func(j *judge, a, old attachment) {
			j.unchangedLater(field.NewPath("spec"), a.Spec, old.Spec)
		}),
		ValidateStatus: pairRule(func(j *judge, a, _ attachment) {
			checkVolumeAttachment(j, a)
			checkAttachmentStatus(j, &a.Status, field.NewPath("status"))
		}),
		CopyStatus:            api.Pair(func(dst, src attachment) { dst.Status = src.Status }),
		StatusAlone:           true,
		NoUnconditionalUpdate: true,
		DeleteReturnsObject:   true,
		Columns: table(
			attacher,
			text("PV", storagev1.VolumeAttachmentSource{}.SwaggerDoc()["persistentVolumeName"], func(a attachment) string {
				return textOr(a.Spec.Source.PersistentVolumeName, "")
			}),
			text("Node", spec["nodeName"], func(a attachment) string { return a.Spec.NodeName }),
			boolean("Attached", storagev1.VolumeAttachmentStatus{}.SwaggerDoc()["attached"], func(a attachment) bool { return a.Status.Attached }),
			api.AgeColumn(),
		),
	}
}

func checkVolumeAttachment(j *judge, a *storagev1.VolumeAttachment) {
	path := field.NewPath("spec")
	j.later(func(j *judge) { checkAttachedName(j, a.Spec.Attacher, path.Child("attacher")) })
	const one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
	source, at := a.Spec.Source, path.Child("source")
	switch {
	case source.InlineVolumeSpec == nil && source.PersistentVolumeName == nil:
		j.required(at, one)
	case source.InlineVolumeSpec != nil && source.PersistentVolumeName != nil:
		j.forbidden(at, one)
	case source.InlineVolumeSpec != nil:
		checkInlineVolume(j, source.InlineVolumeSpec, at.Child("inlineVolumeSpec"))
	case *source.PersistentVolumeName == "":
		j.required(at.Child("persistentVolumeName"), "must specify non empty persistentVolumeName")
	}
	j.subdomain(path.Child("nodeName"), a.Spec.NodeName)
	if source.PersistentVolumeName != nil {
		j.subdomain(at.Child("persistentVolumeName"), *source.PersistentVolumeName)
	}
}

// checkInlineVolume judges a volume that is written down in the attachment
// itself: one of a driver, with nothing that ties it to a claim or a place.
func checkInlineVolume(j *judge, v *corev1.PersistentVolumeSpec, path *field.Path) {
	const here = "in the context of inline volumes"
	none := func(name string, given bool) {
		if given {
			j.forbidden(path.Child(name), "may not be specified "+here)
		}
	}
	none("claimRef", v.ClaimRef != nil)
	none("capacity", len(v.Capacity) > 0)
	if v.CSI == nil {
		j.required(path.Child("csi"), "has to be specified "+here)
	}
	if len(v.AccessModes) == 0 {
		j.required(path.Child("accessModes"), "")
	}
	checkAccessModes(j, v.AccessModes, path.Child("accessModes"))
	if p := v.PersistentVolumeReclaimPolicy; p != "" && p != corev1.PersistentVolumeReclaimRetain {
		j.forbidden(path.Child("persistentVolumeReclaimPolicy"), "may only be Retain "+here)
	}
	none("nodeAffinity", v.NodeAffinity != nil)
	if source := v.PersistentVolumeSource; source != (corev1.PersistentVolumeSource{}) {
		checkVolumeHome(j, v, path)
	} else {
		j.required(path, noVolume)
	}
	none("storageClassName", v.StorageClassName != "")
	if v.VolumeMode != nil && *v.VolumeMode != corev1.PersistentVolumeFilesystem {
		j.forbidden(path.Child("volumeMode"), "may not specify volumeMode other than Filesystem "+here)
	}
}

// How much a driver may say about an attachment, in bytes.
const (
	maxAttachmentBytes  = 256 * 1024
	maxVolumeErrorBytes = 1024
)

func checkAttachmentStatus(j *judge, s *storagev1.VolumeAttachmentStatus, path *field.Path) {
	size := 0
	for key, value := range s.AttachmentMetadata {
		size += len(key) + len(value)
	}
	if size > maxAttachmentBytes {
		j.tooLong(path.Child("attachmentMetadata"), maxAttachmentBytes)
	}
	checkVolumeError(j, s.AttachError, path.Child("attachError"))
	checkVolumeError(j, s.DetachError, path.Child("detachError"))
}

func checkVolumeError(j *judge, e *storagev1.VolumeError, path *field.Path) {
	if e == nil {
		return
	}
	if len(e.Message) > maxVolumeErrorBytes {
		j.tooLong(path.Child("message"), maxVolumeErrorBytes)
	}
	if e.ErrorCode != nil && *e.ErrorCode < 0 {
		j.invalid(path.Child("errorCode"), *e.ErrorCode, validation.InclusiveRangeError(0, math.MaxInt32))
	}
}

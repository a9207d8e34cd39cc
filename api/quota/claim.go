package quota

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// classSuffix comes between a storage class and what is limited of it:
// gold.storageclass.storage.k8s.io/requests.storage.
const classSuffix = ".storageclass.storage.k8s.io/"

func claimNamed(name corev1.ResourceName) bool {
	if _, ofClass, found := strings.Cut(string(name), classSuffix); found {
		name = corev1.ResourceName(ofClass)
	} else if name == CountName(schema.GroupResource{Resource: "persistentvolumeclaims"}) {
		return true
	}
	return name == corev1.ResourcePersistentVolumeClaims || name == corev1.ResourceRequestsStorage
}

func claimUsage(claim *corev1.PersistentVolumeClaim) corev1.ResourceList {
	usage := corev1.ResourceList{
		CountName(schema.GroupResource{Resource: "persistentvolumeclaims"}): count(1),
		corev1.ResourcePersistentVolumeClaims:                               count(1),
	}
	if storage, ok := claimedStorage(claim); ok {
		usage[corev1.ResourceRequestsStorage] = storage
	}
	if class := storageClass(claim); class != "" {
		for _, name := range []corev1.ResourceName{corev1.ResourcePersistentVolumeClaims, corev1.ResourceRequestsStorage} {
			if quantity, ok := usage[name]; ok {
				usage[corev1.ResourceName(class+classSuffix)+name] = quantity
			}
		}
	}
	return usage
}

// claimedStorage is what a claim asks for, in whole bytes, or what it has got if
// an expansion that was taken back had already been carried out.
func claimedStorage(claim *corev1.PersistentVolumeClaim) (resource.Quantity, bool) {
	storage, ok := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if !ok {
		return storage, false
	}
	if allocated, ok := claim.Status.AllocatedResources[corev1.ResourceStorage]; ok && allocated.Cmp(storage) > 0 {
		storage = allocated
	}
	storage = storage.DeepCopy()
	storage.RoundUp(0)
	return storage, true
}

func storageClass(claim *corev1.PersistentVolumeClaim) string {
	if class, ok := claim.Annotations[corev1.BetaStorageClassAnnotation]; ok {
		return class
	}
	if claim.Spec.StorageClassName != nil {
		return *claim.Spec.StorageClassName
	}
	return ""
}

func claimInScope(obj api.Object, scope corev1.ScopedResourceSelectorRequirement) bool {
	claim, ok := obj.(*corev1.PersistentVolumeClaim)
	if !ok || scope.ScopeName != corev1.ResourceQuotaScopeVolumeAttributesClass {
		return false
	}
	classes := attributesClasses(claim)
	if len(classes) == 0 {
		return selects(scope, "")
	}
	for _, class := range classes {
		if selects(scope, class) {
			return true
		}
	}
	return false
}

// attributesClasses are those that a claim has, wants, or is on its way to.
func attributesClasses(claim *corev1.PersistentVolumeClaim) (classes []string) {
	add := func(class string) {
		if class != "" {
			classes = append(classes, class)
		}
	}
	if class := claim.Spec.VolumeAttributesClassName; class != nil {
		add(*class)
	}
	if class := claim.Status.CurrentVolumeAttributesClassName; class != nil {
		add(*class)
	}
	if change := claim.Status.ModifyVolumeStatus; change != nil {
		add(change.TargetVolumeAttributesClassName)
	}
	return classes
}

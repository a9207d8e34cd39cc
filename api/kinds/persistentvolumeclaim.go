package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func persistentVolumeClaims() *api.Resource {
	return &api.Resource{
		GroupVersionKind:    corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"),
		Plural:              "persistentvolumeclaims",
		Singular:            "persistentvolumeclaim",
		ShortNames:          []string{"pvc"},
		Namespaced:          true,
		New:                 func() api.Object { return &corev1.PersistentVolumeClaim{} },
		NewList:             func() runtime.Object { return &corev1.PersistentVolumeClaimList{} },
		CopyStatus:          api.Pair(func(dst, src *corev1.PersistentVolumeClaim) { dst.Status = src.Status }),
		DeleteReturnsObject: true,
	}
}

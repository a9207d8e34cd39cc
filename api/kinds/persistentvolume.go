package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func persistentVolumes() *api.Resource {
	return &api.Resource{
		GroupVersionKind:    corev1.SchemeGroupVersion.WithKind("PersistentVolume"),
		Plural:              "persistentvolumes",
		Singular:            "persistentvolume",
		ShortNames:          []string{"pv"},
		New:                 func() api.Object { return &corev1.PersistentVolume{} },
		NewList:             func() runtime.Object { return &corev1.PersistentVolumeList{} },
		CopyStatus:          api.Pair(func(dst, src *corev1.PersistentVolume) { dst.Status = src.Status }),
		DeleteReturnsObject: true,
	}
}

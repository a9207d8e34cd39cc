package crd

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// storageVersion names the version that objects are stored in.
func storageVersion(d *definition) string {
	for _, v := range d.Spec.Versions {
		if v.Storage {
			return v.Name
		}
	}
	return ""
}

// storedForm is how the objects of a version are stored: as they are, under the
// name of the storage version. What is there may also have the name of another,
// from the time when that was the storage version.
func storedForm(served schema.GroupVersionKind, version string) *api.Stored {
	kept := served.GroupKind().WithVersion(version)
	return &api.Stored{
		New: func() api.Object { return &unstructured.Unstructured{Object: content{}} },
		To: func(_ context.Context, obj api.Object) (api.Object, error) {
			return named(&unstructured.Unstructured{Object: maps.Clone(contentOf(obj))}, kept), nil
		},
		From: func(_ context.Context, obj api.Object) (api.Object, error) {
			return named(obj.(*unstructured.Unstructured), served), nil
		},
	}
}

func named(obj *unstructured.Unstructured, kind schema.GroupVersionKind) api.Object {
	obj.SetGroupVersionKind(kind)
	return obj
}

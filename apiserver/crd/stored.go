package crd

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
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

// renamed is how the objects of a version are stored where versions differ in
// name alone: as they are, under the name of the storage version. What is there
// may also have the name of another, from the time when that was the storage version.
func renamed(served schema.GroupVersionKind, version string) *api.Stored {
	kept := served.GroupKind().WithVersion(version)
	return &api.Stored{
		New: func() api.Object { return named(&unstructured.Unstructured{Object: content{}}, kept) },
		To: func(_ context.Context, obj api.Object) (api.Object, error) {
			return named(&unstructured.Unstructured{Object: maps.Clone(contentOf(obj))}, kept), nil
		},
		From: func(_ context.Context, obj api.Object) (api.Object, error) {
			return named(obj.(*unstructured.Unstructured), served), nil
		},
	}
}

// converted is how the objects of a version are stored that a webhook converts.
func (c *converter) converted(served schema.GroupVersionKind, version string) *api.Stored {
	kept := served.GroupKind().WithVersion(version)
	one := func(ctx context.Context, obj api.Object, to schema.GroupVersion) (api.Object, error) {
		objects, err := c.convert(ctx, []api.Object{obj}, to.String())
		if err != nil {
			return nil, err
		}
		return objects[0], nil
	}
	return &api.Stored{
		New: func() api.Object { return named(&unstructured.Unstructured{Object: content{}}, kept) },
		To: func(ctx context.Context, obj api.Object) (api.Object, error) {
			return one(ctx, obj, kept.GroupVersion())
		},
		From: func(ctx context.Context, obj api.Object) (api.Object, error) {
			return one(ctx, obj, served.GroupVersion())
		},
	}
}

// made says that a version's objects are made of those in the store.
func (c *converter) made(served schema.GroupVersionKind, kept *api.Resource) *api.Made {
	return &api.Made{Of: kept, Convert: func(ctx context.Context, objects []api.Object) ([]api.Object, error) {
		return c.convert(ctx, objects, served.GroupVersion().String())
	}}
}

// kept is a resource that is not served: the objects of a definition as they are
// in the store, each in whichever version it was written.
func kept(d *definition) *api.Resource {
	names := d.Status.AcceptedNames
	kind := schema.GroupVersionKind{Group: d.Spec.Group, Version: storageVersion(d), Kind: names.Kind}
	return &api.Resource{
		GroupVersionKind: kind, Plural: names.Plural, Singular: names.Singular,
		Namespaced: isNamespaced(d), New: empty,
		NewList: func() runtime.Object { return &unstructured.UnstructuredList{} },
	}
}

func empty() api.Object { return &unstructured.Unstructured{Object: content{}} }

func named(obj *unstructured.Unstructured, kind schema.GroupVersionKind) api.Object {
	obj.SetGroupVersionKind(kind)
	return obj
}

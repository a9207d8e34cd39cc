package crd

import (
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// resourcesOf makes the kinds of an established definition: one resource for
// each served version. With a converter their objects are made of those in the
// store.
func resourcesOf(d *definition, c *converter, stored *api.Resource) ([]*api.Resource, error) {
	var served []*api.Resource
	for i := range d.Spec.Versions {
		v := &d.Spec.Versions[i]
		if !v.Served {
			continue
		}
		r, err := resourceOf(d, v)
		if err != nil {
			return nil, err
		}
		if c != nil {
			r.Stored = c.converted(r.GroupVersionKind, storageVersion(d))
			r.Made = c.made(r.GroupVersionKind, stored)
		}
		served = append(served, r)
	}
	return served, nil
}

func isNamespaced(d *definition) bool { return d.Spec.Scope == apiextensionsv1.NamespaceScoped }

// resourceOf makes the resource of one version.
func resourceOf(d *definition, v *apiextensionsv1.CustomResourceDefinitionVersion) (*api.Resource, error) {
	s, err := compile(&d.Spec, v)
	if err != nil {
		return nil, err
	}
	names := d.Status.AcceptedNames
	kind := schema.GroupVersionKind{Group: d.Spec.Group, Version: v.Name, Kind: names.Kind}
	r := &api.Resource{
		GroupVersionKind: kind,
		Plural:           names.Plural, Singular: names.Singular,
		ShortNames: names.ShortNames, Categories: names.Categories,
		Namespaced: isNamespaced(d),
		New: func() api.Object {
			obj := &unstructured.Unstructured{Object: content{}}
			obj.SetGroupVersionKind(kind)
			return obj
		},
		NewList: func() runtime.Object {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(kind.GroupVersion().WithKind(names.ListKind))
			return list
		},
		Verbs:                 []string{"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"},
		Stored:                renamed(kind, storageVersion(d)),
		Prune:                 func(obj api.Object) ([]string, error) { return s.prune(contentOf(obj), false) },
		Default:               func(obj api.Object) { s.fill(contentOf(obj)) },
		Validate:              func(obj api.Object) field.ErrorList { return s.judge(contentOf(obj)) },
		ValidateUpdate:        func(obj, old api.Object) field.ErrorList { return s.judgeUpdate(contentOf(obj), contentOf(old)) },
		UpdateAlone:           true,
		Generation:            true,
		NoUnconditionalUpdate: true,
		Columns:               columnsOf(v.AdditionalPrinterColumns),
		Deprecated:            deprecation(d, v),
		Schema:                schemaDocument(v),
	}
	if v.Subresources != nil && v.Subresources.Status != nil {
		r.CopyStatus, r.StatusAlone = copyStatus, true
		r.ValidateStatus = func(obj, old api.Object) field.ErrorList { return s.judgeStatus(contentOf(obj), contentOf(old)) }
	}
	if v.Subresources != nil && v.Subresources.Scale != nil {
		r.Scale = scaleOf(v.Subresources.Scale)
	}
	r.Fields, r.FieldNames, err = selectableOf(v.SelectableFields)
	return r, err
}

// schemaDocument returns the schema as the definition has it, read when it is
// asked for.
func schemaDocument(v *apiextensionsv1.CustomResourceDefinitionVersion) func() map[string]any {
	return sync.OnceValue(func() map[string]any {
		if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
			return content{"type": "object"}
		}
		document, err := runtime.DefaultUnstructuredConverter.ToUnstructured(v.Schema.OpenAPIV3Schema)
		if err != nil {
			return content{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		}
		return document
	})
}

// copyStatus makes src's status dst's.
func copyStatus(dst, src api.Object) {
	to, from := contentOf(dst), contentOf(src)
	delete(to, "status")
	if status, ok := from["status"]; ok {
		to["status"] = runtime.DeepCopyJSONValue(status)
	}
}

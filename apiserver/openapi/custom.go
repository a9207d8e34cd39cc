package openapi

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

const conventions = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"

// isCustom says whether the resource's objects have no Go type of their own.
func isCustom(r *api.Resource) bool {
	_, custom := r.New().(*unstructured.Unstructured)
	return custom
}

// addCustom describes a kind that has no Go type: by its own schema, with what
// all objects have.
func (s *schemas) addCustom(r *api.Resource) {
	described := object{"type": "object"}
	if r.Schema != nil {
		described = maps.Clone(r.Schema())
	}
	properties, _ := described["properties"].(object)
	properties = maps.Clone(properties)
	if properties == nil {
		properties = object{}
	}
	s.addTypeMeta(properties)
	properties["metadata"] = object{
		"allOf":       []any{s.typeOf(reflect.TypeFor[metav1.ObjectMeta]())},
		"description": "Standard object's metadata. More info: " + conventions + "#metadata",
	}
	described["properties"] = properties
	described["x-kubernetes-group-version-kind"] = kindExtension(r.GroupVersionKind)
	s.byName[customName(r.GroupVersionKind)] = described
	s.addCustomList(r)
}

func (s *schemas) addCustomList(r *api.Resource) {
	list := r.NewList().GetObjectKind().GroupVersionKind()
	properties := object{
		"items": object{
			"type": "array", "items": object{"$ref": refPrefix + customName(r.GroupVersionKind)},
			"description": "List of " + r.Plural + ". More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md",
		},
		"metadata": object{
			"allOf":       []any{s.typeOf(reflect.TypeFor[metav1.ListMeta]())},
			"description": "Standard list metadata. More info: " + conventions + "#types-kinds",
		},
	}
	s.addTypeMeta(properties)
	s.byName[customName(list)] = object{
		"type": "object", "description": list.Kind + " is a list of " + r.Kind, "required": []any{"items"},
		"properties": properties, "x-kubernetes-group-version-kind": kindExtension(list),
	}
}

// addTypeMeta describes apiVersion and kind.
func (s *schemas) addTypeMeta(properties object) {
	f := fieldAdder{schemas: s, properties: properties}
	f.addFields(reflect.TypeFor[metav1.TypeMeta](), swaggerDoc(reflect.TypeFor[metav1.TypeMeta]()))
}

// customName is the name of a kind in OpenAPI: its group in the order of Go
// packages, as in com.example.shop.v1.Order.
func customName(kind schema.GroupVersionKind) string {
	parts := strings.Split(kind.Group, ".")
	slices.Reverse(parts)
	return strings.Join(append(parts, kind.Version, kind.Kind), ".")
}

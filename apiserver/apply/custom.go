package apply

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// customType is the name of a custom kind's own type in its schema.
const customType = "custom"

// customTypes describes a custom kind to the merge by its OpenAPI schema, which
// says of lists and maps itself how they merge.
func customTypes(openAPI map[string]any) []schema.TypeDef {
	metadata, name := SchemaOf(reflect.TypeFor[metav1.ObjectMeta]())
	root := customRef(openAPI).Inlined
	if root.Map == nil || root.Scalar != nil { // nothing is said of the object but that it is one
		root = schema.Atom{Map: &schema.Map{ElementType: named(deduced)}}
	}
	root.Map.Fields = slices.DeleteFunc(root.Map.Fields, func(f schema.StructField) bool {
		return f.Name == "apiVersion" || f.Name == "kind" || f.Name == "metadata"
	})
	root.Map.Fields = append(root.Map.Fields,
		schema.StructField{Name: "apiVersion", Type: scalar(schema.String)},
		schema.StructField{Name: "kind", Type: scalar(schema.String)},
		schema.StructField{Name: "metadata", Type: named(name)})
	return append(metadata, schema.TypeDef{Name: customType, Atom: root})
}

// customRef describes a part of the schema.
func customRef(s map[string]any) schema.TypeRef {
	preserve, _ := s["x-kubernetes-preserve-unknown-fields"].(bool)
	either, _ := s["x-kubernetes-int-or-string"].(bool)
	switch t, _ := s["type"].(string); {
	case either:
		return scalar(schema.Untyped)
	case t == "object" || len(mapOf(s["properties"])) > 0:
		return customObject(s, preserve)
	case t == "array":
		return customList(s)
	case t == "string":
		return scalar(schema.String)
	case t == "boolean":
		return scalar(schema.Boolean)
	case t == "integer" || t == "number":
		return scalar(schema.Numeric)
	default:
		return named(deduced)
	}
}

// customObject describes an object with fields, a map, or one of which nothing is known.
func customObject(s map[string]any, preserve bool) schema.TypeRef {
	described := &schema.Map{}
	if s["x-kubernetes-map-type"] == "atomic" {
		described.ElementRelationship = schema.Atomic
	}
	properties := mapOf(s["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property := mapOf(properties[name])
		described.Fields = append(described.Fields, schema.StructField{
			Name: name, Type: customRef(property), Default: property["default"],
		})
	}
	if embedded, _ := s["x-kubernetes-embedded-resource"].(bool); embedded {
		described.Fields = withEmbedded(described.Fields)
	}
	additional, restricted := s["additionalProperties"].(map[string]any)
	switch {
	case restricted:
		described.ElementType = customRef(additional)
	case preserve || s["additionalProperties"] == true:
		described.ElementType = named(deduced)
	case len(described.Fields) == 0 && described.ElementRelationship == "":
		return named(deduced)
	case len(described.Fields) == 0:
		return named(atomic)
	}
	return schema.TypeRef{Inlined: schema.Atom{Map: described}}
}

// withEmbedded adds the fields that every object has, where they are not described.
func withEmbedded(fields []schema.StructField) []schema.StructField {
	for _, f := range []schema.StructField{
		{Name: "apiVersion", Type: scalar(schema.String)}, {Name: "kind", Type: scalar(schema.String)}, {Name: "metadata", Type: named(deduced)},
	} {
		if !slices.ContainsFunc(fields, func(g schema.StructField) bool { return g.Name == f.Name }) {
			fields = append(fields, f)
		}
	}
	return fields
}

// customList describes a list: one value, unless it says that it is a set or a map.
func customList(s map[string]any) schema.TypeRef {
	described := &schema.List{ElementType: customRef(mapOf(s["items"])), ElementRelationship: schema.Atomic}
	switch listType, _ := s["x-kubernetes-list-type"].(string); cmp.Or(listType, "atomic") {
	case "set":
		described.ElementRelationship = schema.Associative
	case "map":
		described.ElementRelationship = schema.Associative
		keys, _ := s["x-kubernetes-list-map-keys"].([]any)
		for _, key := range keys {
			if name, ok := key.(string); ok {
				described.Keys = append(described.Keys, name)
			}
		}
	}
	return schema.TypeRef{Inlined: schema.Atom{List: described}}
}

func mapOf(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

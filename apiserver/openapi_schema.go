package apiserver

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// schemas describes Go types as OpenAPI schemas: fields by their json tags,
// merge rules by their patch tags, texts by the SwaggerDoc methods that the
// types of k8s.io/api carry.
type schemas struct {
	byName object
}

func newSchemas() *schemas { return &schemas{byName: object{}} }

// addKind describes a kind and all types below it.
func (s *schemas) addKind(kind schema.GroupVersionKind, example api.Object) {
	name := s.add(reflect.TypeOf(example).Elem())
	s.byName[name].(object)["x-kubernetes-group-version-kind"] = []object{
		{"group": kind.Group, "version": kind.Version, "kind": kind.Kind},
	}
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
	properties["apiVersion"] = object{"type": "string", "description": swaggerDoc(reflect.TypeFor[metav1.TypeMeta]())["apiVersion"]}
	properties["kind"] = object{"type": "string", "description": swaggerDoc(reflect.TypeFor[metav1.TypeMeta]())["kind"]}
	properties["metadata"] = object{
		"allOf":       []object{s.typeOf(reflect.TypeFor[metav1.ObjectMeta]())},
		"description": "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
	}
	described["properties"] = properties
	described["x-kubernetes-group-version-kind"] = []object{{"group": r.Group, "version": r.Version, "kind": r.Kind}}
	s.byName[customName(r.GroupVersionKind)] = described
}

// customName is the name of a kind in OpenAPI: its group in the order of Go
// packages, as in com.example.shop.v1.Order.
func customName(kind schema.GroupVersionKind) string {
	parts := strings.Split(kind.Group, ".")
	slices.Reverse(parts)
	return strings.Join(append(parts, kind.Version, kind.Kind), ".")
}

// add describes a struct type and returns its name.
func (s *schemas) add(t reflect.Type) string {
	name := schemaName(t)
	if s.byName[name] != nil {
		return name
	}
	described := object{"type": "object"}
	s.byName[name] = described // before its fields, which may lead back to it
	texts := swaggerDoc(t)
	if text := texts[""]; text != "" {
		described["description"] = text
	}
	if special := specialSchema(t); special != nil {
		for key, value := range special {
			described[key] = value
		}
		return name
	}
	properties := object{}
	s.addFields(properties, t, texts)
	if len(properties) > 0 {
		described["properties"] = properties
	}
	return name
}

// addFields describes the fields of a struct, those of embedded ones among them.
func (s *schemas) addFields(properties object, t reflect.Type, texts map[string]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		inline := strings.Contains(options, "inline") || f.Anonymous && name == ""
		switch {
		case inline && elem(f.Type).Kind() == reflect.Struct:
			s.addFields(properties, elem(f.Type), swaggerDoc(elem(f.Type)))
		case f.IsExported() && name != "" && name != "-":
			properties[name] = s.field(f, texts[name])
		}
	}
}

// field describes one field.
func (s *schemas) field(f reflect.StructField, text string) object {
	described := s.typeOf(f.Type)
	if ref := described["$ref"]; ref != nil { // a reference has no neighbours
		described = object{"allOf": []object{{"$ref": ref}}}
	}
	if text != "" {
		described["description"] = text
	}
	if strategy := f.Tag.Get("patchStrategy"); strategy != "" {
		described["x-kubernetes-patch-strategy"] = strategy
	}
	if key := f.Tag.Get("patchMergeKey"); key != "" {
		described["x-kubernetes-patch-merge-key"] = key
	}
	return described
}

// typeOf describes a type, by reference if it is a struct.
func (s *schemas) typeOf(t reflect.Type) object {
	t = elem(t)
	switch t.Kind() {
	case reflect.Struct:
		return object{"$ref": "#/components/schemas/" + s.add(t)}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "format": "byte"}
		}
		return object{"type": "array", "items": s.typeOf(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.typeOf(t.Elem())}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int64, reflect.Int, reflect.Uint64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Int32, reflect.Uint32, reflect.Int16, reflect.Int8, reflect.Uint8, reflect.Uint16:
		return object{"type": "integer", "format": "int32"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number", "format": "double"}
	case reflect.String:
		return object{"type": "string"}
	default:
		return object{}
	}
}

// specialSchema is the form of a type that marshals itself, such as a time.
func specialSchema(t reflect.Type) object {
	value := reflect.New(t).Interface()
	typed, ok := value.(interface{ OpenAPISchemaType() []string })
	if !ok || len(typed.OpenAPISchemaType()) == 0 {
		return nil
	}
	described := object{"type": typed.OpenAPISchemaType()[0]}
	if formatted, ok := value.(interface{ OpenAPISchemaFormat() string }); ok && formatted.OpenAPISchemaFormat() != "" {
		described["format"] = formatted.OpenAPISchemaFormat()
	}
	return described
}

// swaggerDoc returns the texts on a type's fields by their JSON names, and on
// the type itself by the empty name.
func swaggerDoc(t reflect.Type) map[string]string {
	if documented, ok := reflect.New(t).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		return documented.SwaggerDoc()
	}
	return nil
}

// schemaName is the name Kubernetes gives a type: io.k8s.api.core.v1.Pod.
func schemaName(t reflect.Type) string {
	if named, ok := reflect.New(t).Interface().(interface{ OpenAPIModelName() string }); ok {
		return named.OpenAPIModelName()
	}
	host, path, _ := strings.Cut(t.PkgPath(), "/")
	parts := strings.Split(host, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(path, "/", ".") + "." + t.Name()
}

func elem(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

package openapi

import (
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/apply"
)

const refPrefix = "#/components/schemas/"

// schemas describes Go types as schemas of OpenAPI v3, each once, by name.
type schemas struct {
	byName object
	rules  *apply.Rules
	enums  map[reflect.Type][]string

	optional, required map[string][]string
	defaults           map[string]map[string]any
}

func newSchemas() *schemas {
	return &schemas{
		byName: object{}, rules: apply.NewRules(), enums: enums(),
		optional: optionalFields(), required: requiredFields(), defaults: defaults(),
	}
}

// addResource describes a kind, its lists, and all types below them.
func (s *schemas) addResource(r *api.Resource) {
	if isCustom(r) {
		s.addCustom(r)
		return
	}
	s.addKind(r.GroupVersionKind, r.New())
	if r.NewList != nil {
		list := r.GroupVersionKind
		list.Kind += "List"
		s.addKind(list, r.NewList())
	}
}

// addKind describes the type of a kind and returns its name.
func (s *schemas) addKind(kind schema.GroupVersionKind, example any) string {
	name := s.add(reflect.TypeOf(example).Elem())
	s.byName[name].(object)["x-kubernetes-group-version-kind"] = kindExtension(kind)
	return name
}

func kindExtension(kind schema.GroupVersionKind) []any {
	return []any{object{"group": kind.Group, "version": kind.Version, "kind": kind.Kind}}
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
	if s.addSpecial(described, t) {
		return name
	}
	f := fieldAdder{schemas: s, owner: name, properties: object{}}
	f.addFields(t, texts)
	if len(f.properties) > 0 {
		described["properties"] = f.properties
	}
	if len(f.required) > 0 {
		described["required"] = f.required
	}
	if s.rules.AtomicStruct(name) {
		described["x-kubernetes-map-type"] = "atomic"
	}
	return name
}

// A fieldAdder collects the fields of one struct.
type fieldAdder struct {
	*schemas
	owner      string
	properties object
	required   []any
}

// addFields describes the fields of a struct, those of embedded ones among them.
func (f *fieldAdder) addFields(t reflect.Type, texts map[string]string) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		inline := strings.Contains(options, "inline") || field.Anonymous && name == ""
		switch {
		case inline && elem(field.Type).Kind() == reflect.Struct:
			f.addFields(elem(field.Type), swaggerDoc(elem(field.Type)))
		case field.IsExported() && name != "" && name != "-":
			always := !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
			if f.isRequired(name, always) {
				f.required = append(f.required, name)
			}
			f.properties[name] = f.field(field, name, texts[name], always)
		}
	}
}

func (f *fieldAdder) isRequired(name string, always bool) bool {
	owner := shortName(f.owner)
	return always && !slices.Contains(f.optional[owner], name) || slices.Contains(f.schemas.required[owner], name)
}

// field describes one field. One that is always written has its zero value for
// a default.
func (f *fieldAdder) field(field reflect.StructField, name, text string, always bool) object {
	described := f.typeOf(field.Type)
	if ref := described["$ref"]; ref != nil { // a reference has no neighbours
		described = object{"allOf": []any{object{"$ref": ref}}}
		if field.Type.Kind() == reflect.Struct && f.isObject(ref) {
			described["default"] = object{}
		}
	} else if value, ok := zeroOf(field.Type); ok && always {
		described["default"] = value
	}
	if value, ok := f.defaults[shortName(f.owner)][name]; ok {
		described["default"] = value
	}
	if value := f.rules.Default(f.owner, name); value != nil {
		described["default"] = value
	}
	if text != "" {
		described["description"] = text
	}
	f.merging(described, field, name)
	return described
}

// merging describes how a field merges: by a strategic merge patch as the tags
// say, by server-side apply as the rules do.
func (f *fieldAdder) merging(described object, field reflect.StructField, name string) {
	if strategy := field.Tag.Get("patchStrategy"); strategy != "" {
		described["x-kubernetes-patch-strategy"] = strategy
	}
	if key := field.Tag.Get("patchMergeKey"); key != "" {
		described["x-kubernetes-patch-merge-key"] = key
	}
	if f.rules.AtomicMap(f.owner, name) {
		described["x-kubernetes-map-type"] = "atomic"
	}
	if f.rules.Separable(f.owner, name) {
		described["x-kubernetes-map-type"] = "granular"
	}
	if described["type"] != "array" {
		return
	}
	switch keys, merged := f.rules.List(f.owner, name); {
	case !merged:
		described["x-kubernetes-list-type"] = "atomic"
	case len(keys) == 0:
		described["x-kubernetes-list-type"] = "set"
	default:
		described["x-kubernetes-list-type"] = "map"
		described["x-kubernetes-list-map-keys"] = keys
	}
}

// isObject says whether what a reference points at is a JSON object with fields.
func (s *schemas) isObject(ref any) bool {
	described, _ := s.byName[strings.TrimPrefix(ref.(string), refPrefix)].(object)
	return described["type"] == "object" && described["properties"] != nil
}

// zeroOf returns the default of a scalar that is always written.
func zeroOf(t reflect.Type) (any, bool) {
	switch t.Kind() {
	case reflect.String:
		return "", true
	case reflect.Bool:
		return false, true
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return 0, true
	default:
		return nil, false
	}
}

// typeOf describes a type, by reference if it is a struct.
func (s *schemas) typeOf(t reflect.Type) object {
	t = elem(t)
	switch t.Kind() {
	case reflect.Struct:
		return object{"$ref": refPrefix + s.add(t)}
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
		described := object{"type": "string"}
		if values := s.enums[t]; values != nil {
			described["enum"] = values
		}
		return described
	default:
		return object{}
	}
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

// ref refers to a type of the API's own machinery, such as a Status.
func (s *schemas) ref(example any) object {
	kind := metav1.SchemeGroupVersion.WithKind(reflect.TypeOf(example).Elem().Name())
	kind.Group = ""
	return object{"$ref": refPrefix + s.addKind(kind, example)}
}

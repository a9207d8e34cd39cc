package apply

import (
	"reflect"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// A schemaBuilder describes Go types to the merge: what is a scalar, a list or
// a map, and who may own how much of it. The structs come from the types, by
// their json tags; how lists merge, from the tables in lists.go.
type schemaBuilder struct {
	types map[string]*schema.TypeDef
	order []string

	rules *Rules
}

// SchemaOf describes a struct type and all types below it. The name is the
// type's own in the schema.
func SchemaOf(t reflect.Type) (described []schema.TypeDef, name string) {
	b := &schemaBuilder{types: map[string]*schema.TypeDef{}, rules: NewRules()}
	name = b.add(t)
	described = freeForm()
	for _, n := range b.order {
		described = append(described, *b.types[n])
	}
	return described, name
}

// add describes a struct type, once, and returns its name.
func (b *schemaBuilder) add(t reflect.Type) string {
	name := typeName(t)
	if b.types[name] != nil {
		return name
	}
	def := &schema.TypeDef{Name: name}
	b.types[name] = def // before its fields, which may lead back to it
	b.order = append(b.order, name)
	if atom, special := specialType(t); special {
		def.Atom = atom
		return name
	}
	def.Map = &schema.Map{ElementType: scalar(schema.Untyped)}
	b.addFields(def.Map, t, name)
	if len(def.Map.Fields) > 0 {
		def.Map.ElementType = schema.TypeRef{} // unknown fields are errors
	}
	if b.rules.AtomicStruct(name) {
		def.Map.ElementRelationship = schema.Atomic
	}
	return name
}

// addFields describes the fields of a struct, those of embedded ones among them.
func (b *schemaBuilder) addFields(m *schema.Map, t reflect.Type, owner string) {
	for f := range jsonFields(t) {
		if f.inline {
			b.addFields(m, elem(f.Type), owner)
			continue
		}
		m.Fields = append(m.Fields, schema.StructField{
			Name: f.name, Type: b.field(f, owner), Default: b.usual(f, owner),
		})
	}
}

// usual is what a field is taken to be that is a key and left out.
func (b *schemaBuilder) usual(f jsonField, owner string) any {
	if said := b.rules.Default(owner, f.name); said != nil || f.omitEmpty || f.omitZero {
		return said
	}
	switch f.Type.Kind() {
	case reflect.String:
		return ""
	case reflect.Int32, reflect.Int64:
		return int64(0)
	}
	return nil
}

// field describes the type of one field, with what the tables say of it.
func (b *schemaBuilder) field(f jsonField, owner string) schema.TypeRef {
	ref := b.typeOf(f.Type)
	if keys, merged := b.rules.List(owner, f.name); merged && ref.Inlined.List != nil {
		ref.Inlined.List.ElementRelationship = schema.Associative
		ref.Inlined.List.Keys = slices.Clone(keys)
	}
	if b.rules.AtomicMap(owner, f.name) && ref.Inlined.Map != nil {
		ref.Inlined.Map.ElementRelationship = schema.Atomic
	}
	if b.rules.Separable(owner, f.name) {
		separable := schema.Separable
		ref.ElementRelationship = &separable
	}
	return ref
}

// typeOf describes a type, by reference if it is a struct.
func (b *schemaBuilder) typeOf(t reflect.Type) schema.TypeRef {
	t = elem(t)
	switch t.Kind() {
	case reflect.Struct:
		name := b.add(t)
		return schema.TypeRef{NamedType: &name}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return scalar(schema.String)
		}
		return schema.TypeRef{Inlined: schema.Atom{List: &schema.List{
			ElementType: b.typeOf(t.Elem()), ElementRelationship: schema.Atomic}}}
	case reflect.Map:
		return schema.TypeRef{Inlined: schema.Atom{Map: &schema.Map{ElementType: b.typeOf(t.Elem())}}}
	case reflect.Bool:
		return scalar(schema.Boolean)
	case reflect.String:
		return scalar(schema.String)
	case reflect.Interface:
		return named(deduced)
	default:
		return scalar(schema.Numeric)
	}
}

func scalar(s schema.Scalar) schema.TypeRef {
	return schema.TypeRef{Inlined: schema.Atom{Scalar: &s}}
}

func named(name string) schema.TypeRef { return schema.TypeRef{NamedType: &name} }

// The types of values without a schema: lists are atomic, maps are not.
const (
	deduced = "__untyped_deduced_"
	atomic  = "__untyped_atomic_"
)

func freeForm() []schema.TypeDef {
	free := func(name string, inMap string, relationship schema.ElementRelationship) schema.TypeDef {
		untyped := schema.Untyped
		return schema.TypeDef{Name: name, Atom: schema.Atom{
			Scalar: &untyped,
			List:   &schema.List{ElementType: named(atomic), ElementRelationship: schema.Atomic},
			Map:    &schema.Map{ElementType: named(inMap), ElementRelationship: relationship},
		}}
	}
	return []schema.TypeDef{
		free(atomic, atomic, schema.Atomic),
		free(deduced, deduced, schema.Separable),
	}
}

// specialType is the form of a type that marshals itself: a time or a quantity
// is a scalar, an embedded object is anything.
func specialType(t reflect.Type) (schema.Atom, bool) {
	value := reflect.New(t).Interface()
	switch t.Name() {
	case "FieldsV1":
		return freeForm()[1].Atom, true
	case "RawExtension": // owned as a whole
		return freeForm()[0].Atom, true
	}
	typed, ok := value.(interface{ OpenAPISchemaType() []string })
	if !ok || len(typed.OpenAPISchemaType()) == 0 {
		return schema.Atom{}, false
	}
	return scalar(schema.Untyped).Inlined, true
}

// typeName is the name a type has in OpenAPI, without what all begin with.
func typeName(t reflect.Type) string {
	name := t.PkgPath() + "." + t.Name()
	if documented, ok := reflect.New(t).Interface().(interface{ OpenAPIModelName() string }); ok {
		name = documented.OpenAPIModelName()
	}
	return shortName(name)
}

func elem(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

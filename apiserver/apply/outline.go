package apply

import (
	"cmp"
	"reflect"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// An outline is what is needed of a type to list the fields of its values
// quickly: see [created]. It says the same as the schema.
type outline struct {
	shape  shape
	fields []outlineField // of a structure, by their names
	item   *outline       // of a table or a list
	keys   []outlineKey   // of a list, by their names; none is a set
}

// A shape is a way to own a value.
type shape int

const (
	leaf      shape = iota // as a whole
	structure              // field by field
	table                  // key by key
	list                   // element by element
	free                   // as its content has it, which no type tells
)

type outlineField struct {
	name     string
	index    []int
	of       *outline
	omit     func(reflect.Value) bool // says whether JSON leaves the value out
	fromZero bool                     // the zero value of the struct has the field
	nilable  bool
}

type outlineKey struct {
	outlineField
	otherwise any // the value of the key where it is left out, or nil
}

// An outliner makes outlines from a schema and the Go types it was made from.
type outliner struct {
	types map[string]schema.Atom
	made  map[string]*outline
}

// outlineOf returns the outline of a struct type by its schema.
func outlineOf(types []schema.TypeDef, name string, t reflect.Type) *outline {
	o := &outliner{types: map[string]schema.Atom{}, made: map[string]*outline{}}
	for _, def := range types {
		o.types[def.Name] = def.Atom
	}
	return o.of(named(name), t)
}

func (o *outliner) of(ref schema.TypeRef, t reflect.Type) *outline {
	t = elem(t)
	atom := ref.Inlined
	id := ""
	if ref.NamedType != nil {
		atom, id = o.types[*ref.NamedType], *ref.NamedType
	}
	relationship := schema.ElementRelationship("")
	if ref.ElementRelationship != nil {
		relationship, id = *ref.ElementRelationship, ""
	}
	if known := o.made[id]; id != "" && known != nil {
		return known
	}
	out := &outline{}
	if id != "" {
		o.made[id] = out // before its fields, which may lead back to it
	}
	switch {
	case atom.Scalar != nil && atom.Map != nil:
		out.shape = free
	case atom.Scalar != nil:
	case atom.List != nil && atom.List.ElementRelationship == schema.Associative:
		out.shape, out.item = list, o.of(atom.List.ElementType, t.Elem())
		out.keys = o.keys(atom.List, t.Elem())
	case atom.Map != nil && cmp.Or(relationship, atom.Map.ElementRelationship) != schema.Atomic:
		o.fill(out, atom.Map, t)
	}
	return out
}

// fill describes a struct or a map.
func (o *outliner) fill(out *outline, m *schema.Map, t reflect.Type) {
	if t.Kind() == reflect.Map {
		out.shape, out.item = table, o.of(m.ElementType, t.Elem())
		return
	}
	out.shape = structure
	o.addFields(out, m, t, nil)
	slices.SortFunc(out.fields, func(a, b outlineField) int { return cmp.Compare(a.name, b.name) })
}

func (o *outliner) addFields(out *outline, m *schema.Map, t reflect.Type, at []int) {
	for f := range jsonFields(t) {
		index := slices.Concat(at, f.Index)
		if f.inline {
			o.addFields(out, m, f.Type, index)
			continue
		}
		described, _ := m.FindField(f.name)
		omit := omitted(f)
		out.fields = append(out.fields, outlineField{
			name: f.name, index: index, of: o.of(described.Type, f.Type), omit: omit,
			fromZero: !omit(reflect.New(f.Type).Elem()), nilable: nilable(f.Type.Kind()),
		})
	}
}

// keys returns the key fields of a list's elements.
func (o *outliner) keys(l *schema.List, t reflect.Type) []outlineKey {
	if len(l.Keys) == 0 {
		return nil
	}
	described := o.types[*l.ElementType.NamedType].Map
	element := &outline{} // not the one of its type: an atomic element has keys as well
	o.fill(element, described, elem(t))
	var keys []outlineKey
	for _, f := range element.fields {
		if slices.Contains(l.Keys, f.name) {
			inSchema, _ := described.FindField(f.name)
			keys = append(keys, outlineKey{f, inSchema.Default})
		}
	}
	return keys
}

// omitted says when JSON leaves a field out.
func omitted(f jsonField) func(reflect.Value) bool {
	never := func(reflect.Value) bool { return false }
	isEmpty, isZero := never, never
	if f.omitEmpty {
		isEmpty = empty
	}
	if f.omitZero {
		isZero = value.OmitZeroFunc(f.Type)
	}
	return func(v reflect.Value) bool { return isEmpty(v) || isZero(v) }
}

// empty is what omitempty means by it: structs never are.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.String, reflect.Array:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}

func nilable(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Map || k == reflect.Slice || k == reflect.Interface
}

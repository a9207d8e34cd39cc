package apply

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
)

// A lister writes the fields of a new object in the form FieldsV1 has: the
// names of a struct's fields as "f:name", the elements of a keyed list as
// `k:{"name":"x"}`, those of a set as `v:"x"`, and "." for a field that is
// owned itself besides what is in it.
//
// Creating is the most frequent of all writes, and its outcome needs no merge:
// whoever creates an object owns what is in it. So this takes a walk over the
// object instead of a comparison with an empty one, and comes to the same.
type lister struct {
	out  []byte
	odd  bool // something that only the comparison can judge
	skip func(path string) bool
}

// before is what the empty object has where the new one has a value: nothing,
// null, or a zero value. What was not there before is owned itself.
type before int

const (
	absent before = iota
	null
	zero
)

// created returns the fields of a new object as FieldsV1, or false if it is
// not for this walk to judge.
func created(of *outline, obj reflect.Value, unowned func(path string) bool) (fields string, ok bool) {
	l := &lister{out: make([]byte, 0, 1024), skip: unowned}
	if !l.structure(of, obj, zero, "") {
		return "", !l.odd
	}
	return string(l.out), !l.odd
}

// value writes what is owned of a value, as an object, and says whether that is anything.
func (l *lister) value(of *outline, v reflect.Value, was before, path string) bool {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if nilable(v.Kind()) && v.IsNil() {
		return was == absent && l.whole()
	}
	switch of.shape {
	case structure:
		return l.structure(of, v, was, path)
	case table:
		return l.table(of, v, was)
	case list:
		return l.list(of, v, was)
	case free:
		l.odd = true
		return false
	default:
		l.odd = l.odd || was == zero && hollow(v)
		return (was != zero || !v.IsZero()) && l.whole()
	}
}

// hollow says whether a struct is not the zero value but may look like it in
// JSON, since all that is in it is an empty map or list.
func hollow(v reflect.Value) bool {
	return v.Kind() == reflect.Struct && !v.IsZero() &&
		equality.Semantic.DeepEqual(v.Interface(), reflect.Zero(v.Type()).Interface())
}

// whole writes a value that is owned as one.
func (l *lister) whole() bool {
	l.out = append(l.out, "{}"...)
	return true
}

// begin opens an object, in which self is the mark of owning the value itself.
func (l *lister) begin(was before) {
	l.out = append(l.out, '{')
	if was == absent {
		l.out = append(l.out, `".":{}`...)
	}
}

// entry begins an entry of an object, whose name is already quoted.
func (l *lister) entry(name ...string) {
	if l.out[len(l.out)-1] != '{' {
		l.out = append(l.out, ',')
	}
	for _, part := range name {
		l.out = append(l.out, part...)
	}
	l.out = append(l.out, ':')
}

// structure writes the fields of a struct. One that turns out empty is owned
// as a whole, if it was not there before.
func (l *lister) structure(of *outline, v reflect.Value, was before, path string) bool {
	start, any, full := len(l.out), false, false
	l.begin(was)
	for i := range of.fields {
		f := &of.fields[i]
		field := v.FieldByIndex(f.index)
		if path != "-" && l.skip(path+f.name) || f.omit(field) {
			continue
		}
		full = true
		undo := len(l.out)
		l.entry(`"f:`, f.name, `"`)
		below := "-"
		if path == "" && f.name == "metadata" {
			below = "metadata."
		}
		if l.value(f.of, field, f.was(was), below) {
			any = true
		} else {
			l.out = l.out[:undo]
		}
	}
	if !full && was != zero {
		l.out = append(l.out[:start], "{}"...)
		return true
	}
	if !any && was != absent {
		l.out = l.out[:start]
		return false
	}
	l.out = append(l.out, '}')
	return true
}

// was is what the field is in an empty object.
func (f *outlineField) was(parent before) before {
	switch {
	case parent != zero || !f.fromZero:
		return absent
	case f.nilable:
		return null
	default:
		return zero
	}
}

// table writes the keys of a map.
func (l *lister) table(of *outline, v reflect.Value, was before) bool {
	if v.Len() == 0 {
		return l.whole()
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	l.begin(was)
	for _, key := range keys {
		l.odd = l.odd || !plain(key.String())
		l.entry(`"f:`, key.String(), `"`)
		l.value(of.item, v.MapIndex(key), absent, "-")
	}
	l.out = append(l.out, '}')
	return true
}

// An element is one of a list, with what it is known by.
type element struct {
	keys  []any // each a string or an int64, nil where there is none
	name  string
	value reflect.Value
}

// list writes the elements of a list that is a set or has keys, in the order of
// those.
func (l *lister) list(of *outline, v reflect.Value, was before) bool {
	if v.Len() == 0 {
		return l.whole()
	}
	elements := make([]element, v.Len())
	for i := range elements {
		elements[i] = l.element(of, v.Index(i))
	}
	slices.SortFunc(elements, func(a, b element) int { return slices.CompareFunc(a.keys, b.keys, compareKeys) })
	l.begin(was)
	for i, e := range elements {
		if i > 0 && e.name == elements[i-1].name {
			l.odd = true
		}
		l.entry(e.name)
		l.value(of.item, e.value, absent, "-")
	}
	l.out = append(l.out, '}')
	return true
}

// element finds what an element is known by.
func (l *lister) element(of *outline, v reflect.Value) element {
	e := element{value: v}
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if len(of.keys) == 0 {
		e.keys = []any{l.key(v)}
		e.name = strconv.Quote("v:" + quoted(e.keys[0]))
		return e
	}
	var name strings.Builder
	name.WriteString("k:{")
	for i := range of.keys {
		key := &of.keys[i]
		found := key.otherwise
		if field := v.FieldByIndex(key.index); !key.omit(field) {
			found = l.key(field)
		}
		if found == nil { // keys that some elements lack sort in a way of their own
			l.odd = true
			continue
		}
		if len(e.keys) > 0 {
			name.WriteByte(',')
		}
		name.WriteString(`"` + key.name + `":` + quoted(found))
		e.keys = append(e.keys, found)
	}
	name.WriteByte('}')
	e.name = strconv.Quote(name.String())
	return e
}

// key reads a value that others are known by.
func (l *lister) key(v reflect.Value) any {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		l.odd = l.odd || !plain(v.String())
		return v.String()
	case reflect.Int, reflect.Int32, reflect.Int64:
		return v.Int()
	default:
		l.odd = true
		return nil
	}
}

func compareKeys(a, b any) int {
	if x, ok := a.(int64); ok {
		y, _ := b.(int64)
		return cmp.Compare(x, y)
	}
	x, _ := a.(string)
	y, _ := b.(string)
	return cmp.Compare(x, y)
}

// quoted is a key in JSON.
func quoted(key any) string {
	if text, ok := key.(string); ok {
		return `"` + text + `"`
	}
	data, err := json.Marshal(key)
	if err != nil {
		return "null"
	}
	return string(data)
}

// plain says whether a text is the same in JSON, in quotes.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

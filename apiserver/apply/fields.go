package apply

import (
	"iter"
	"reflect"
	"strings"
)

// A jsonField is a field of a struct as JSON has it.
type jsonField struct {
	reflect.StructField
	name      string
	inline    bool // its own fields stand in its place
	omitEmpty bool
	omitZero  bool
}

// jsonFields yields the fields of a struct that JSON has.
func jsonFields(t reflect.Type) iter.Seq[jsonField] {
	return func(yield func(jsonField) bool) {
		for i := range t.NumField() {
			f := t.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			inline := elem(f.Type).Kind() == reflect.Struct &&
				(strings.Contains(options, "inline") || f.Anonymous && name == "")
			if !inline && (!f.IsExported() || name == "" || name == "-") {
				continue
			}
			if !yield(jsonField{f, name, inline, strings.Contains(options, "omitempty"), strings.Contains(options, "omitzero")}) {
				return
			}
		}
	}
}

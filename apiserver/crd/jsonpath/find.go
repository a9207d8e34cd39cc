package jsonpath

import (
	"maps"
	"slices"
)

// maxFound bounds what a path may find, since every ".." multiplies it.
const maxFound = 10_000

// Find returns the values to which the path leads from a JSON value. They are
// the value's own, not copies.
func (p *Path) Find(value any) []any { return follow(p.steps, []any{value}) }

// First returns the first value that the path leads to.
func (p *Path) First(value any) (found any, ok bool) {
	all := p.Find(value)
	if len(all) == 0 {
		return nil, false
	}
	return all[0], true
}

func follow(steps []step, values []any) []any {
	for _, s := range steps {
		var found []any
		for _, value := range values {
			if found = s.from(value, found); len(found) > maxFound {
				found = found[:maxFound]
				break
			}
		}
		values = found
	}
	return values
}

// A field is one of an object.
type field string

func (f field) from(value any, found []any) []any {
	object, ok := value.(map[string]any)
	if !ok {
		return found
	}
	if v, ok := object[string(f)]; ok {
		found = append(found, v)
	}
	return found
}

// every is all fields of an object, by name, or all elements of a list.
type every struct{}

func (every) from(value any, found []any) []any {
	switch v := value.(type) {
	case []any:
		return append(found, v...)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			found = append(found, v[key])
		}
	}
	return found
}

// deep is a value and all that is in it.
type deep struct{}

func (d deep) from(value any, found []any) []any {
	if len(found) > maxFound {
		return found
	}
	found = append(found, value)
	for _, inner := range (every{}).from(value, nil) {
		switch inner.(type) {
		case []any, map[string]any:
			found = d.from(inner, found)
		}
	}
	return found
}

// A slice is a part of a list, or one element. Numbers below zero count from the end.
type slice struct {
	start, end *int
	step       int
	one        bool
}

func (s slice) from(value any, found []any) []any {
	list, ok := value.([]any)
	if !ok {
		return found
	}
	at := func(p *int, otherwise int) int {
		switch {
		case p == nil:
			return otherwise
		case *p < 0:
			return *p + len(list)
		default:
			return *p
		}
	}
	start := at(s.start, 0)
	if s.one {
		if start >= 0 && start < len(list) {
			found = append(found, list[start])
		}
		return found
	}
	for i := max(start, 0); i < min(at(s.end, len(list)), len(list)); i += s.step {
		found = append(found, list[i])
	}
	return found
}

// A union is several slices, one after the other.
type union []slice

func (u union) from(value any, found []any) []any {
	for _, s := range u {
		found = s.from(value, found)
	}
	return found
}

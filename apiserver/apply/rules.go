package apply

import "strings"

// Rules say how the built-in types merge, to who describes them to clients.
// Types have the names they have in OpenAPI, such as io.k8s.api.core.v1.PodSpec.
type Rules struct {
	lists      map[string]map[string][]string
	structs    map[string]bool
	maps       map[string]string
	separables map[string]string
	defaults   map[string]map[string]any
}

// NewRules returns the rules, which are the same for all.
func NewRules() *Rules {
	return &Rules{
		lists: listKeys(), structs: atomicStructs(), maps: atomicMaps(),
		separables: separableFields(), defaults: keyDefaults(),
	}
}

// List says whether a list is merged by its elements, and by which of their
// keys. One without keys is a set.
func (r *Rules) List(owner, field string) (keys []string, merged bool) {
	keys, merged = r.lists[shortName(owner)][field]
	return keys, merged
}

// AtomicStruct says whether a type has one owner as a whole.
func (r *Rules) AtomicStruct(name string) bool { return r.structs[shortName(name)] }

// AtomicMap says whether a map has one owner as a whole.
func (r *Rules) AtomicMap(owner, field string) bool {
	return field != "" && r.maps[shortName(owner)] == field
}

// Separable says whether a field of an atomic type is not atomic.
func (r *Rules) Separable(owner, field string) bool {
	return field != "" && r.separables[shortName(owner)] == field
}

// Default returns the value of a key that a client may leave out, or nil.
func (r *Rules) Default(owner, field string) any { return r.defaults[shortName(owner)][field] }

// shortName is a type's name in the tables.
func shortName(name string) string {
	name = strings.TrimPrefix(name, "io.k8s.api.")
	return strings.Replace(name, "io.k8s.apimachinery.pkg.apis.meta.", "meta.", 1)
}

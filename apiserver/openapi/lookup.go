package openapi

import (
	"strings"

	"github.com/coracle-k8s/coracle/api"
)

// SchemaOf returns the schema of a kind's objects, as the documents have it, and a
// function that finds those that it refers to by "$ref".
func SchemaOf(r *api.Resource) (root map[string]any, find func(ref string) map[string]any) {
	s := newSchemas()
	s.addResource(r)
	name := customName(r.GroupVersionKind)
	if !isCustom(r) {
		name = s.addKind(r.GroupVersionKind, r.New())
	}
	find = func(ref string) map[string]any {
		found, _ := s.byName[strings.TrimPrefix(ref, refPrefix)].(object)
		return found
	}
	return find(name), find
}

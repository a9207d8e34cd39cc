package apply

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/coracle-k8s/coracle/api"
)

// A Merger sets fields in the objects of one resource as an apply does, but for
// nobody: no manager is noted and none is asked. It is safe for concurrent use.
type Merger struct{ c *converter }

// NewMerger returns the merger of a resource. Describing the resource's Go type
// takes a few milliseconds, so keep it.
func NewMerger(r *api.Resource) *Merger {
	return &Merger{&converter{versions: []version{describe(r)}}}
}

// Merge returns obj, which it does not change, with the fields set. Lists and
// maps that are merged by key are added to; those that could only be replaced as a
// whole are refused, since whoever sets a part of one may not know the rest.
func (m *Merger) Merge(obj api.Object, fields map[string]any) (api.Object, error) {
	v := m.c.versions[0]
	piece := &unstructured.Unstructured{Object: fields}
	piece.SetGroupVersionKind(v.resource.GroupVersionKind)
	wanted, err := m.c.ObjectToTyped(piece)
	if err != nil {
		return nil, fmt.Errorf("error applying patch: failed to convert patch object to typed object: %w", err)
	}
	if whole := wholes(nil, wanted.Schema(), wanted.TypeRef(), wanted.AsValue()); len(whole) > 0 {
		return nil, fmt.Errorf("error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: %s",
			strings.Join(whole, ", "))
	}
	live, err := m.c.ObjectToTyped(obj, typed.AllowDuplicates)
	if err != nil {
		return nil, fmt.Errorf("error applying patch: failed to convert original object to typed object: %w", err)
	}
	merged, err := live.Merge(wanted)
	if err != nil {
		return nil, fmt.Errorf("error applying patch: failed to merge patch: %w", err)
	}
	plain, err := m.c.TypedToObject(merged)
	if err != nil {
		return nil, err
	}
	plain.GetObjectKind().SetGroupVersionKind(v.resource.GroupVersionKind)
	return v.object(plain)
}

// wholes returns the paths of what can only be replaced as a whole.
func wholes(path fieldpath.Path, s *schema.Schema, of schema.TypeRef, v value.Value) (found []string) {
	atom, known := s.Resolve(of)
	switch {
	case !known:
	case v.IsMap() && atom.Map != nil:
		if atom.Map.ElementRelationship == schema.Atomic {
			found = append(found, path.String())
		}
		v.AsMap().Iterate(func(key string, each value.Value) bool {
			inner := atom.Map.ElementType
			if field, ok := atom.Map.FindField(key); ok {
				inner = field.Type
			}
			found = append(found, wholes(append(path, fieldpath.PathElement{FieldName: &key}), s, inner, each)...)
			return true
		})
	case v.IsList() && atom.List != nil:
		if atom.List.ElementRelationship == schema.Atomic {
			found = append(found, path.String())
		}
		for i := range v.AsList().Length() {
			found = append(found, wholes(append(path, fieldpath.PathElement{Index: &i}), s, atom.List.ElementType, v.AsList().At(i))...)
		}
	}
	return found
}

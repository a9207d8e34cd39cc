package interop_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	smd "sigs.k8s.io/structured-merge-diff/v6/schema"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/apply"
)

// How the lists and maps of every kind merge, by our tables, is how they do by
// the schema that client-go carries.
func TestListTypes(t *testing.T) {
	converter := applyconfigurations.NewTypeConverter(scheme.Scheme)
	for _, r := range kinds.Registry().All() {
		if r.Virtual || r.Group == "apiextensions.k8s.io" || r.Group == "apiregistration.k8s.io" {
			continue // questions, and what client-go has no schema of
		}
		t.Run(r.Kind, func(t *testing.T) {
			obj := r.New()
			obj.GetObjectKind().SetGroupVersionKind(r.GroupVersionKind)
			typed, err := converter.ObjectToTyped(obj.(runtime.Object))
			require.NoError(t, err)
			types, name := apply.SchemaOf(reflect.TypeOf(obj).Elem())
			c := &comparison{t: t, ours: &smd.Schema{Types: types}, theirs: typed.Schema(), seen: map[string]bool{}}
			c.compare(r.Kind, smd.TypeRef{NamedType: &name}, typed.TypeRef())
			require.NotEmpty(t, c.seen)
		})
	}
}

// A comparison walks through two schemas side by side.
type comparison struct {
	t            *testing.T
	ours, theirs *smd.Schema
	seen         map[string]bool
}

func (c *comparison) compare(path string, our, their smd.TypeRef) {
	if our.NamedType != nil {
		if c.seen[*our.NamedType] && our.ElementRelationship == nil {
			return
		}
		c.seen[*our.NamedType] = true
	}
	got, ok := c.ours.Resolve(our)
	require.True(c.t, ok, path)
	want, ok := c.theirs.Resolve(their)
	require.True(c.t, ok, path)
	switch {
	case want.Scalar != nil:
		require.NotNil(c.t, got.Scalar, "%s is a scalar", path)
	case want.List != nil:
		require.NotNil(c.t, got.List, "%s is a list", path)
		require.Equal(c.t, want.List.ElementRelationship, got.List.ElementRelationship, path)
		require.Equal(c.t, sorted(want.List.Keys), sorted(got.List.Keys), path)
		if want.List.ElementRelationship == smd.Associative {
			c.compare(path+"[]", got.List.ElementType, want.List.ElementType)
		}
	case want.Map != nil:
		require.NotNil(c.t, got.Map, "%s is a map", path)
		c.compareMaps(path, got.Map, want.Map)
	}
}

func (c *comparison) compareMaps(path string, got, want *smd.Map) {
	atomic := want.ElementRelationship == smd.Atomic
	require.Equal(c.t, atomic, got.ElementRelationship == smd.Atomic, "%s is one value", path)
	if atomic {
		return
	}
	for _, f := range want.Fields {
		field, ok := got.FindField(f.Name)
		require.True(c.t, ok, "%s has a field %s", path, f.Name)
		if field.Default != nil { // that of a key
			require.EqualValues(c.t, f.Default, field.Default, "%s.%s", path, f.Name)
		}
		c.compare(path+"."+f.Name, field.Type, f.Type)
	}
	require.Len(c.t, got.Fields, len(want.Fields), path)
}

func sorted(keys []string) []string {
	keys = append([]string{}, keys...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

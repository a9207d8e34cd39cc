package kinds_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
)

// Every kind must be whole: the scheme knows its types, its functions agree with
// each other, and the names are those of Kubernetes.
func TestEveryKind(t *testing.T) {
	registry := kinds.Registry()
	for _, r := range registry.All() {
		t.Run(r.Plural, func(t *testing.T) {
			require.Same(t, r, registry.Resource(r.GroupVersionResource()))
			require.Same(t, r, registry.ForKind(r.GroupVersionKind))

			got, err := api.KindOf(r.New())
			require.NoError(t, err)
			require.Equal(t, r.GroupVersionKind, got)
			require.Equal(t, strings.ToLower(r.Kind), r.Singular)
			require.Equal(t, r.Virtual, r.NewList == nil, "what is not stored cannot be listed")
			if r.NewList != nil {
				list, err := api.KindOf(r.NewList())
				require.NoError(t, err)
				require.Equal(t, r.GroupVersion().WithKind(r.Kind+"List"), list)
			}

			if r.Fields != nil {
				var keys []string
				for key := range r.Fields(r.New()) {
					keys = append(keys, key)
				}
				require.ElementsMatch(t, keys, r.FieldNames)
			}
			if !r.Virtual {
				require.Len(t, r.TableRow(r.New()).Cells, len(r.TableHeader()), "an empty object has a row too")
			}
		})
	}
}

// A kind's key in the store is Kubernetes' own, so that either can read the
// other's store.
func TestKeys(t *testing.T) {
	for plural, want := range map[string]string{
		"pods":           "/registry/pods/ns/x",
		"nodes":          "/registry/minions/x",
		"services":       "/registry/services/specs/ns/x",
		"endpoints":      "/registry/services/endpoints/ns/x",
		"deployments":    "/registry/deployments/ns/x",
		"leases":         "/registry/leases/ns/x",
		"clusterroles":   "/registry/clusterroles/x",
		"endpointslices": "/registry/endpointslices/ns/x",
	} {
		require.Equal(t, want, find(t, plural).Key("ns", "x"))
	}
}

// No form in which an object travels may lose any of it. Defaults are applied
// on the way in and on the way out: the second time must change nothing, at
// least of what gets in.
func TestObjectsTravel(t *testing.T) {
	for title, obj := range storyObjects(t) {
		r := resourceOf(t, obj)
		if r.Default != nil {
			r.Default(obj)
		}
		for _, mediaType := range []string{api.JSON, api.YAML, api.Protobuf} {
			data, err := api.Codecs().EncodeBytes(obj, mediaType)
			require.NoError(t, err, title)
			found, err := api.Codecs().Decode(data, mediaType, schema.GroupVersionKind{}, r.New())
			require.NoError(t, err, title)
			require.Empty(t, found.Strict, title)
			again := found.Object.(api.Object)
			if r.Default != nil && r.Validate != nil && len(r.Validate(again)) == 0 {
				r.Default(again)
			}
			obj.GetObjectKind().SetGroupVersionKind(r.GroupVersionKind)
			again.GetObjectKind().SetGroupVersionKind(r.GroupVersionKind)
			if !equality.Semantic.DeepEqual(obj, again) {
				t.Errorf("%s in %s: %s", title, mediaType, cmp.Diff(obj, again))
			}
		}
	}
}

// Every kind that has a table shows it in some story.
func TestEveryTableIsTold(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	told := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, one := range strings.Split(string(data), "\n=== ")[1:] {
			if object, _, shown := strings.Cut(one, "\n--- table\n"); shown {
				_, kind, _ := strings.Cut(object, "\nkind: ")
				kind, _, _ = strings.Cut(kind, "\n")
				told[kind] = true
			}
		}
	}
	for _, r := range kinds.Registry().All() {
		if !r.Virtual {
			require.True(t, told[r.Kind], "no story shows the table of %s", r.Kind)
		}
	}
}

func TestSubresourcesAreOfTheScheme(t *testing.T) {
	for _, r := range kinds.All() {
		for _, sub := range r.Subresources {
			require.True(t, api.Scheme().Recognizes(sub.GroupVersionKind), "%s/%s", r.Plural, sub.Name)
			require.NotEmpty(t, sub.Verbs)
			require.True(t, slices.IsSorted(sub.Verbs))
		}
	}
}

// All makes new values each time, so that one user's change is not another's.
func TestAllIsFresh(t *testing.T) {
	a, b := kinds.All(), kinds.All()
	require.Len(t, a, len(b))
	require.NotSame(t, a[0], b[0])
	require.Same(t, kinds.Registry().All()[0], kinds.Registry().All()[0])
}

func find(t *testing.T, plural string) *api.Resource {
	t.Helper()
	i := slices.IndexFunc(kinds.Registry().All(), func(r *api.Resource) bool { return r.Plural == plural })
	require.GreaterOrEqual(t, i, 0, plural)
	return kinds.Registry().All()[i]
}

func resourceOf(t *testing.T, obj api.Object) *api.Resource {
	t.Helper()
	for _, r := range kinds.Registry().All() {
		if reflect.TypeOf(r.New()) == reflect.TypeOf(obj) {
			return r
		}
	}
	t.Fatalf("no kind has the type %T", obj)
	return nil
}

// storyObjects returns the objects of all stories, good and bad.
func storyObjects(t *testing.T) map[string]api.Object {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	objects := map[string]api.Object{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, one := range strings.Split(string(data), "\n=== ")[1:] {
			title, rest, _ := strings.Cut(one, "\n")
			text, _, _ := strings.Cut(rest, "\n--- ")
			objects[filepath.Base(file)+": "+title], _ = parse(t, title, text)
		}
	}
	require.NotEmpty(t, objects)
	return objects
}

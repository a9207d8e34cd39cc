package apiserver_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// boats are a kind without a Go type, such as a CustomResourceDefinition makes.
func boats() *api.Resource {
	kind := schema.GroupVersionKind{Group: "example.org", Version: "v1", Kind: "Boat"}
	return &api.Resource{
		GroupVersionKind: kind, Plural: "boats", Singular: "boat", Namespaced: true,
		New: func() api.Object {
			boat := &unstructured.Unstructured{Object: map[string]any{}}
			boat.SetGroupVersionKind(kind)
			return boat
		},
		NewList: func() runtime.Object {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(kind.GroupVersion().WithKind("BoatList"))
			return list
		},
		CopyStatus: func(dst, src api.Object) {
			to, from := dst.(*unstructured.Unstructured).Object, src.(*unstructured.Unstructured).Object
			delete(to, "status")
			if status, ok := from["status"]; ok {
				to["status"] = status
			}
		},
		Generation:            true,
		NoUnconditionalUpdate: true,
		Schema: func() map[string]any {
			return map[string]any{"type": "object", "properties": map[string]any{
				"spec": map[string]any{"type": "object", "properties": map[string]any{
					"wood":  map[string]any{"type": "string", "description": "What the boat is made of."},
					"color": map[string]any{"type": "string"},
					"crew":  map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
				}},
			}}
		},
		Validate: func(obj api.Object) field.ErrorList {
			if _, found, _ := unstructured.NestedString(obj.(*unstructured.Unstructured).Object, "spec", "wood"); !found {
				return field.ErrorList{field.Required(field.NewPath("spec", "wood"), "a boat is made of something")}
			}
			return nil
		},
	}
}

func TestCustomKinds_take_the_same_path(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, func(c *apiserver.Config) {
			resources := api.NewRegistry([]*api.Resource{boats()})
			c.Storage = apiserver.NewStorage(startStore(t), resources, nil)
		})
		const path = "/apis/example.org/v1/namespaces/default/boats"
		w := f.watch(path + "?watch=true&resourceVersion=1")
		created := f.ok("POST", path, `{"apiVersion":"example.org/v1","kind":"Boat","metadata":{"name":"argo"},"spec":{"wood":"oak"},"status":{"afloat":true}}`)
		require.Nil(t, created.at("status"))
		require.EqualValues(t, 1, created.at("metadata.generation"))
		f.refused(422, "POST", path, `{"apiVersion":"example.org/v1","kind":"Boat","metadata":{"name":"x"},"spec":{}}`)
		changed := f.ok("PATCH", path+"/argo", `{"spec":{"wood":"pine"}}`)
		require.EqualValues(t, 2, changed.at("metadata.generation"))
		afloat := f.ok("PATCH", path+"/argo/status", `{"spec":{"wood":"none"},"status":{"afloat":true}}`)
		require.Equal(t, "pine", afloat.at("spec.wood"))
		require.Equal(t, true, afloat.at("status.afloat"))
		f.refused(415, "PATCH", path+"/argo", `{}`, "Content-Type: application/strategic-merge-patch+json")
		f.refused(422, "PUT", path+"/argo", `{"apiVersion":"example.org/v1","kind":"Boat","metadata":{"name":"argo"},"spec":{"wood":"ash"}}`)

		list := f.ok("GET", path, "", "Accept: application/vnd.kubernetes.protobuf,application/json")
		require.Equal(t, "BoatList", list.text("kind"))
		require.Equal(t, []string{"argo"}, list.names())
		refusal := f.request("GET", path, "", "Accept: application/vnd.kubernetes.protobuf")
		require.Equal(t, 406, refusal.Code)
		require.Equal(t, "application/vnd.kubernetes.protobuf", refusal.Header().Get("Content-Type"))
		w.expect("ADDED argo")
		w.expect("MODIFIED argo")
		w.expect("MODIFIED argo")
		f.ok("DELETE", path+"/argo", "")
		require.Equal(t, "pine", w.expect("DELETED argo").at("spec.wood"))
	})
}

func TestCustomKinds_are_described(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, func(c *apiserver.Config) {
			c.Storage = apiserver.NewStorage(startStore(t), api.NewRegistry([]*api.Resource{boats()}), nil)
		})
		document := f.ok("GET", "/openapi/v3/apis/example.org/v1", "")
		boat := document.at("components.schemas").(map[string]any)["org.example.v1.Boat"].(map[string]any)
		properties := boat["properties"].(map[string]any)
		require.Contains(t, properties, "metadata")
		require.Contains(t, properties, "kind")
		wood := properties["spec"].(map[string]any)["properties"].(map[string]any)["wood"].(map[string]any)
		require.Equal(t, "What the boat is made of.", wood["description"])
	})
}

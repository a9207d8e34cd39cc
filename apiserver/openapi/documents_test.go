package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	openapi_v3 "github.com/google/gnostic-models/openapiv3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/openapi"
)

// A changing registry has other resources each time it is set.
type changing struct {
	api.Registry
	all []*api.Resource
}

func (c *changing) All() []*api.Resource { return c.all }

func discover(r *api.Resource) []metav1.APIResource {
	if r.Virtual {
		return []metav1.APIResource{{Name: r.Plural, Kind: r.Kind, Verbs: []string{"create"}}}
	}
	return []metav1.APIResource{
		{Name: r.Plural, Kind: r.Kind, Verbs: []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}},
		{Name: r.Plural + "/status", Kind: r.Kind, Verbs: []string{"get", "patch", "update"}},
	}
}

func boat(field string) *api.Resource {
	kind := schema.GroupVersionKind{Group: "example.org", Version: "v1", Kind: "Boat"}
	return &api.Resource{
		GroupVersionKind: kind, Plural: "boats", Namespaced: true,
		New: func() api.Object {
			u := &unstructured.Unstructured{}
			u.SetGroupVersionKind(kind)
			return u
		},
		NewList: func() runtime.Object {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(kind.GroupVersion().WithKind("BoatList"))
			return list
		},
		Schema: func() map[string]any {
			return object{"type": "object", "properties": object{
				field:  object{"type": "string", "nullable": true},
				"size": object{"x-kubernetes-int-or-string": true, "anyOf": []any{object{"type": "integer"}, object{"type": "string"}}},
				"any":  object{"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": object{"a": object{"type": "string"}}},
			}}
		},
	}
}

func documents(resources ...*api.Resource) (*openapi.Documents, *changing) {
	registry := &changing{all: append(kinds.All(), resources...)}
	return openapi.New(openapi.Source{Resources: registry, Discover: discover, Version: "1.37"}), registry
}

type object = map[string]any

func get(t *testing.T, handler http.HandlerFunc, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	handler(w, r)
	return w
}

func parse(t *testing.T, w *httptest.ResponseRecorder) object {
	t.Helper()
	require.Equal(t, 200, w.Code, w.Body)
	var parsed object
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &parsed))
	return parsed
}

// at follows a path of keys.
func at(t *testing.T, o any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		require.Contains(t, o, key)
		o = o.(object)[key]
	}
	return o
}

func TestV3_says_of_a_field_what_the_reference_says(t *testing.T) {
	d, _ := documents()
	core := parse(t, get(t, d.ServeV3, "/openapi/v3/api/v1"))
	schemas := at(t, core, "components", "schemas").(object)
	for _, c := range []struct {
		schema, field string
		want          object
	}{
		{"core.v1.Container", "imagePullPolicy", object{"type": "string", "enum": []any{"Always", "IfNotPresent", "Never"}}},
		{"core.v1.Container", "env", object{"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": []any{"name"},
			"x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}},
		{"core.v1.Container", "args", object{"type": "array", "x-kubernetes-list-type": "atomic"}},
		{"core.v1.ServicePort", "protocol", object{"default": "TCP"}},
		{"core.v1.ServicePort", "port", object{"type": "integer", "format": "int32", "default": float64(0)}},
		{"core.v1.Secret", "data", object{"type": "object", "additionalProperties": object{"type": "string", "format": "byte"}}},
		{"core.v1.PodSpec", "nodeSelector", object{"x-kubernetes-map-type": "atomic"}},
		{"core.v1.Pod", "spec", object{"default": object{}, "allOf": []any{object{"$ref": "#/components/schemas/io.k8s.api.core.v1.PodSpec"}}}},
	} {
		described := at(t, schemas, "io.k8s.api."+c.schema, "properties", c.field).(object)
		for key, want := range c.want {
			require.Equal(t, want, described[key], "%s.%s %s", c.schema, c.field, key)
		}
		require.NotEmpty(t, described["description"], "%s.%s", c.schema, c.field)
	}
	quantity := at(t, schemas, "io.k8s.apimachinery.pkg.api.resource.Quantity").(object)
	require.Equal(t, []any{object{"type": "string"}, object{"type": "number"}}, quantity["oneOf"])
	port := at(t, schemas, "io.k8s.apimachinery.pkg.util.intstr.IntOrString").(object)
	require.Equal(t, "int-or-string", port["format"])
	require.Equal(t, []any{"port"}, at(t, schemas, "io.k8s.api.core.v1.ServicePort", "required"))
	require.Equal(t, []any{"name"}, at(t, schemas, "io.k8s.api.core.v1.Container", "required"))
}

func TestV3_names_operations_as_client_generators_expect(t *testing.T) {
	d, _ := documents()
	paths := at(t, parse(t, get(t, d.ServeV3, "/openapi/v3/apis/apps/v1")), "paths")
	for path, id := range map[string]string{
		"/apis/apps/v1/ get":                                                     "getAppsV1APIResources",
		"/apis/apps/v1/deployments get":                                          "listAppsV1DeploymentForAllNamespaces",
		"/apis/apps/v1/namespaces/{namespace}/deployments get":                   "listAppsV1NamespacedDeployment",
		"/apis/apps/v1/namespaces/{namespace}/deployments post":                  "createAppsV1NamespacedDeployment",
		"/apis/apps/v1/namespaces/{namespace}/deployments delete":                "deleteAppsV1CollectionNamespacedDeployment",
		"/apis/apps/v1/namespaces/{namespace}/deployments/{name} get":            "readAppsV1NamespacedDeployment",
		"/apis/apps/v1/namespaces/{namespace}/deployments/{name} patch":          "patchAppsV1NamespacedDeployment",
		"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status put":     "replaceAppsV1NamespacedDeploymentStatus",
		"/apis/apps/v1/watch/namespaces/{namespace}/deployments/{name} get":      "watchAppsV1NamespacedDeployment",
		"/apis/apps/v1/watch/namespaces/{namespace}/deployments get":             "watchAppsV1NamespacedDeploymentList",
		"/apis/apps/v1/namespaces/{namespace}/replicasets/{name} delete":         "deleteAppsV1NamespacedReplicaSet",
		"/apis/apps/v1/namespaces/{namespace}/controllerrevisions/{name} update": "",
	} {
		path, method, _ := strings.Cut(path, " ")
		if id == "" {
			require.NotContains(t, at(t, paths, path), method)
			continue
		}
		require.Equal(t, id, at(t, paths, path, method, "operationId"))
	}
}

func TestDocuments_are_known_by_their_hash(t *testing.T) {
	d, _ := documents()
	root := parse(t, get(t, d.ServeV3, "/openapi/v3"))
	url := at(t, root, "paths", "apis/apps/v1", "serverRelativeURL").(string)
	w := get(t, d.ServeV3, url)
	require.Equal(t, "public, immutable", w.Header().Get("Cache-Control"))
	require.Equal(t, 304, get(t, d.ServeV3, url, "If-None-Match: "+w.Header().Get("Etag")).Code)
	stale := get(t, d.ServeV3, "/openapi/v3/apis/apps/v1?hash=OLD")
	require.Equal(t, 301, stale.Code)
	require.Equal(t, url, stale.Header().Get("Location"))
	require.Equal(t, 404, get(t, d.ServeV3, "/openapi/v3/apis/none/v1").Code)
	require.Equal(t, 406, get(t, d.ServeV3, url, "Accept: text/html").Code)
	require.Equal(t, "gzip", get(t, d.ServeV3, url, "Accept-Encoding: gzip").Header().Get("Content-Encoding"))
}

func TestDocuments_come_in_protobuf(t *testing.T) {
	d, _ := documents()
	w := get(t, d.ServeV3, "/openapi/v3/api/v1", "Accept: application/com.github.proto-openapi.spec.v3@v1.0+protobuf")
	require.Equal(t, "application/com.github.proto-openapi.spec.v3.v1.0+protobuf", w.Header().Get("Content-Type"))
	var v3 openapi_v3.Document
	require.NoError(t, proto.Unmarshal(w.Body.Bytes(), &v3))
	require.Greater(t, len(v3.Components.Schemas.AdditionalProperties), 100)

	w = get(t, d.ServeV2, "/openapi/v2", "Accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
	require.Equal(t, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", w.Header().Get("Content-Type"))
	var v2 openapi_v2.Document
	require.NoError(t, proto.Unmarshal(w.Body.Bytes(), &v2))
	require.Greater(t, len(v2.Definitions.AdditionalProperties), 100)
}

func TestDocuments_follow_custom_kinds(t *testing.T) {
	d, registry := documents(boat("sail"))
	before := get(t, d.ServeV3, "/openapi/v3/apis/apps/v1").Header().Get("Etag")
	boats := parse(t, get(t, d.ServeV3, "/openapi/v3/apis/example.org/v1"))
	properties := at(t, boats, "components", "schemas", "org.example.v1.Boat", "properties")
	for _, name := range []string{"sail", "metadata", "kind", "apiVersion"} {
		require.Contains(t, properties, name)
	}
	patch := at(t, boats, "paths", "/apis/example.org/v1/namespaces/{namespace}/boats/{name}", "patch", "requestBody", "content")
	require.NotContains(t, patch, "application/strategic-merge-patch+json")

	registry.all = append(kinds.All(), boat("oar"))
	boats = parse(t, get(t, d.ServeV3, "/openapi/v3/apis/example.org/v1"))
	require.Contains(t, at(t, boats, "components", "schemas", "org.example.v1.Boat", "properties"), "oar")
	require.Equal(t, before, get(t, d.ServeV3, "/openapi/v3/apis/apps/v1").Header().Get("Etag"))

	registry.all = kinds.All()
	require.Equal(t, 404, get(t, d.ServeV3, "/openapi/v3/apis/example.org/v1").Code)
}

func TestV2_says_no_more_than_it_can(t *testing.T) {
	d, _ := documents(boat("sail"))
	all := parse(t, get(t, d.ServeV2, "/openapi/v2"))
	properties := at(t, all, "definitions", "org.example.v1.Boat", "properties").(object)
	require.Equal(t, object{"type": "string"}, properties["sail"])
	require.Equal(t, object{"x-kubernetes-int-or-string": true}, properties["size"])
	require.Equal(t, object{"x-kubernetes-preserve-unknown-fields": true}, properties["any"])
	require.Equal(t, "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", properties["metadata"].(object)["$ref"])
	put := at(t, all, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "put").(object)
	body := put["parameters"].([]any)[0].(object)
	require.Equal(t, "body", body["in"])
	require.Equal(t, object{"$ref": "#/definitions/io.k8s.api.apps.v1.Deployment"}, body["schema"])
	require.NotContains(t, get(t, d.ServeV2, "/openapi/v2").Body.String(), "#/components/")
}

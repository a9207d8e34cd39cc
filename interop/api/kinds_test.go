package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/interop/api/differ"
)

// kindFiles makes a sequence of requests for each object of testdata/kinds.yaml:
// every verb, on good and on bad objects. Which path a kind has, and which verbs,
// the real server says.
func kindFiles(t *testing.T, kube *differ.Server) (files []file) {
	data, err := os.ReadFile("testdata/kinds.yaml")
	require.NoError(t, err)
	for _, text := range bytes.Split(data, []byte("\n---\n")) {
		var obj unstructured.Unstructured
		require.NoError(t, yaml.Unmarshal(text, &obj.Object), "%s", text)
		if len(obj.Object) == 0 {
			continue
		}
		resource := discover(t, kube, obj.GroupVersionKind())
		k := kindRequests{t: t, obj: &obj, resource: resource}
		gv := strings.ReplaceAll(obj.GetAPIVersion(), "/", "-")
		files = append(files, file{
			Name: "kind " + gv + " " + resource.Name, Namespace: "kind-" + resource.Name + "-" + strings.ReplaceAll(gv, ".", "-"), Requests: k.all(),
		})
	}
	return files
}

// discover asks the real server for the resource of a kind.
func discover(t *testing.T, kube *differ.Server, kind schema.GroupVersionKind) metav1.APIResource {
	path := "/apis/" + kind.GroupVersion().String()
	if kind.Group == "" {
		path = "/api/v1"
	}
	response, err := kube.HTTP.Get(kube.URL + path)
	require.NoError(t, err)
	defer response.Body.Close()
	var list metav1.APIResourceList
	require.NoError(t, json.NewDecoder(response.Body).Decode(&list))
	for _, r := range list.APIResources {
		if r.Kind == kind.Kind && !strings.Contains(r.Name, "/") {
			r.Group, r.Version = kind.Group, kind.Version
			return r
		}
	}
	require.Failf(t, "no such kind", "kube-apiserver has no %s", kind)
	return metav1.APIResource{}
}

// kindRequests makes the requests for one kind.
type kindRequests struct {
	t        *testing.T
	obj      *unstructured.Unstructured
	resource metav1.APIResource
	made     []differ.Request
}

// collection is the path of all objects of the kind in the namespace.
func (k *kindRequests) collection() string {
	path := "/apis/" + k.resource.Group + "/" + k.resource.Version
	if k.resource.Group == "" {
		path = "/api/v1"
	}
	if k.resource.Namespaced {
		path += "/namespaces/$NS"
	}
	return path + "/" + k.resource.Name
}

func (k *kindRequests) one() string { return k.collection() + "/" + k.obj.GetName() }

// object returns the object as JSON, changed.
func (k *kindRequests) object(change func(obj map[string]any)) string {
	obj := k.obj.DeepCopy()
	if change != nil {
		change(obj.Object)
	}
	data, err := json.Marshal(obj.Object)
	require.NoError(k.t, err)
	return string(data)
}

func (k *kindRequests) add(title, method, path, body string, headers ...string) {
	r := differ.Request{Title: title, Method: method, Path: path, Body: body, Header: http.Header{}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	k.made = append(k.made, r)
}

func setAt(value any, path ...string) func(map[string]any) {
	return func(obj map[string]any) {
		if err := unstructured.SetNestedField(obj, value, path...); err != nil {
			panic(fmt.Sprintf("set %v: %v", path, err))
		}
	}
}

const (
	asTable   = "application/json;as=Table;v=v1;g=meta.k8s.io"
	asPartial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
	mergeType = "application/merge-patch+json"
	jsonType  = "application/json-patch+json"
	strategic = "application/strategic-merge-patch+json"
	applyType = "application/apply-patch+yaml"
)

// all is what is tried on every kind.
func (k *kindRequests) all() []differ.Request {
	if len(k.resource.Verbs) == 1 { // create alone: a question
		k.add("ask", "POST", k.collection(), k.object(nil))
		k.add("ask, as a table", "POST", k.collection(), k.object(nil), "Accept", asTable)
		k.add("ask nothing", "POST", k.collection(), k.object(func(obj map[string]any) { delete(obj, "spec") }))
		k.add("list questions", "GET", k.collection(), "")
		return k.made
	}
	k.creates()
	k.reads()
	k.updates()
	k.patches()
	k.deletes()
	return k.made
}

func (k *kindRequests) creates() {
	k.add("create, an unknown field, strict", "POST", k.collection()+"?fieldValidation=Strict", k.object(setAt("x", "unknownField")))
	k.add("create, dry run, an unknown field warns", "POST", k.collection()+"?dryRun=All", k.object(setAt("x", "metadata", "unknownMeta")))
	k.add("create, a bad name", "POST", k.collection(), k.object(setAt("Not_A/Name", "metadata", "name")))
	k.add("create, a bad label", "POST", k.collection(), k.object(setAt(map[string]any{"a b": "c d"}, "metadata", "labels")))
	k.add("create, another kind", "POST", k.collection(), k.object(setAt("Nothing", "kind")))
	k.add("create, another version", "POST", k.collection(), k.object(setAt("nothing.io/v1", "apiVersion")))
	k.add("create, with a resourceVersion", "POST", k.collection(), k.object(setAt("5", "metadata", "resourceVersion")))
	k.add("create, no spec nor data", "POST", k.collection(), k.object(func(obj map[string]any) {
		for key := range obj {
			if key != "apiVersion" && key != "kind" && key != "metadata" {
				delete(obj, key)
			}
		}
	}))
	k.add("create, nothing", "POST", k.collection(), "")
	k.add("create, no JSON", "POST", k.collection(), "{", "Content-Type", "application/json")
	k.add("create, no such media type", "POST", k.collection(), "{}", "Content-Type", "text/csv")
	k.add("create", "POST", k.collection(), k.object(nil))
	k.add("create again", "POST", k.collection(), k.object(nil))
}

func (k *kindRequests) reads() {
	k.add("get", "GET", k.one(), "")
	k.add("get as a table", "GET", k.one(), "", "Accept", asTable)
	k.add("get its metadata", "GET", k.one(), "", "Accept", asPartial)
	k.add("get nobody", "GET", k.collection()+"/nobody", "")
	k.add("get as something strange", "GET", k.one(), "", "Accept", "text/csv")
	k.add("list", "GET", k.collection()+"?fieldSelector=metadata.name="+k.obj.GetName(), "")
	k.add("list by a strange field", "GET", k.collection()+"?fieldSelector=spec.strange=1", "")
	k.add("list by a bad label selector", "GET", k.collection()+"?labelSelector=a==b==c", "")
	k.add("list, no match", "GET", k.collection()+"?labelSelector=no=match", "")
	k.add("list with a bad continue", "GET", k.collection()+"?continue=nonsense", "")
	k.add("get its status", "GET", k.one()+"/status", "")
	k.add("get its scale", "GET", k.one()+"/scale", "")
	k.add("get what it has not", "GET", k.one()+"/nothing", "")
}

func (k *kindRequests) updates() {
	k.add("update to the same", "PUT", k.one(), k.object(nil))
	k.add("update by another name", "PUT", k.one(), k.object(setAt("another", "metadata", "name")))
	k.add("update an old version", "PUT", k.one(), k.object(setAt("1", "metadata", "resourceVersion")))
	k.add("update another uid", "PUT", k.one(), k.object(setAt("00000000-0000-0000-0000-000000000000", "metadata", "uid")))
	k.add("update labels", "PUT", k.one()+"?fieldManager=someone", k.object(setAt(map[string]any{"color": "red"}, "metadata", "labels")))
	k.add("update nobody", "PUT", k.collection()+"/nobody", k.object(setAt("nobody", "metadata", "name")))
	k.add("delete nobody, if there", "DELETE", k.collection()+"/nobody", "")
	k.add("update the status", "PUT", k.one()+"/status", k.object(setAt(map[string]any{"shade": "dark"}, "metadata", "labels")))
}

func (k *kindRequests) patches() {
	k.add("merge patch", "PATCH", k.one(), `{"metadata":{"labels":{"color":"blue"},"annotations":{"note":"x"}}}`, "Content-Type", mergeType)
	k.add("merge patch of nothing", "PATCH", k.one(), `{}`, "Content-Type", mergeType)
	k.add("merge patch, strict", "PATCH", k.one()+"?fieldValidation=Strict", `{"nothing":{"x":1}}`, "Content-Type", mergeType)
	k.add("JSON patch", "PATCH", k.one(), `[{"op":"replace","path":"/metadata/labels/color","value":"green"}]`, "Content-Type", jsonType)
	k.add("JSON patch, a failing test", "PATCH", k.one(), `[{"op":"test","path":"/metadata/labels/color","value":"black"}]`, "Content-Type", jsonType)
	k.add("JSON patch, no such path", "PATCH", k.one(), `[{"op":"remove","path":"/metadata/nothing"}]`, "Content-Type", jsonType)
	k.add("strategic patch", "PATCH", k.one(), `{"metadata":{"labels":{"color":"white"},"$retainKeys":["labels"]}}`, "Content-Type", strategic)
	k.add("apply", "PATCH", k.one()+"?fieldManager=applier", k.object(setAt(map[string]any{"color": "white"}, "metadata", "labels")), "Content-Type", applyType)
	k.add("apply against another", "PATCH", k.one()+"?fieldManager=other", k.object(setAt(map[string]any{"color": "grey"}, "metadata", "labels")), "Content-Type", applyType)
	k.add("apply with force", "PATCH", k.one()+"?fieldManager=other&force=true", k.object(setAt(map[string]any{"color": "grey"}, "metadata", "labels")), "Content-Type", applyType)
	k.add("apply without a manager", "PATCH", k.one(), k.object(nil), "Content-Type", applyType)
	k.add("apply an unknown field", "PATCH", k.one()+"?fieldManager=other", k.object(setAt("x", "unknownField")), "Content-Type", applyType)
	k.add("patch the status", "PATCH", k.one()+"/status?dryRun=All", `{"metadata":{"annotations":{"from":"status"}}}`, "Content-Type", mergeType)
	k.add("patch of an unknown type", "PATCH", k.one(), `{}`, "Content-Type", "application/json")
	k.add("patch nobody", "PATCH", k.collection()+"/nobody", `{}`, "Content-Type", mergeType)
	k.add("a finalizer", "PATCH", k.one(), `{"metadata":{"finalizers":["example.com/stay"]}}`, "Content-Type", mergeType)
}

func (k *kindRequests) deletes() {
	k.add("delete another uid", "DELETE", k.one(), `{"preconditions":{"uid":"00000000-0000-0000-0000-000000000000"}}`)
	k.add("delete, dry run", "DELETE", k.one()+"?dryRun=All", "")
	k.add("delete, a bad policy", "DELETE", k.one()+"?propagationPolicy=Perhaps", "")
	k.add("delete, held by its finalizer", "DELETE", k.one(), "")
	k.add("get while it goes", "GET", k.one(), "")
	k.add("no new finalizers", "PATCH", k.one(), `{"metadata":{"finalizers":["example.com/stay","example.com/more"]}}`, "Content-Type", mergeType)
	k.add("let it go", "PATCH", k.one(), `{"metadata":{"finalizers":null}}`, "Content-Type", mergeType)
	k.add("it is gone", "GET", k.one(), "")
	k.add("delete what is gone", "DELETE", k.one(), "")
	k.add("create once more", "POST", k.collection()+"?fieldManager=x", k.object(nil))
	k.add("delete at once", "DELETE", k.one(), `{"gracePeriodSeconds":0}`)
	k.add("delete all", "DELETE", k.collection()+"?labelSelector=color=none", "")
}

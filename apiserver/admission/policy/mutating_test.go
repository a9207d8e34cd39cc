package policy_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// mutation returns a policy of a name with the rest of its spec, and its binding.
func mutation(name, spec string) string {
	return `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: ` + name + `}
spec:
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [configmaps, deployments, deployments/scale, pods]}
` + spec + `
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: ` + name + `}
spec: {policyName: ` + name + `}
`
}

func applying(expression string) string {
	return "  mutations:\n  - patchType: ApplyConfiguration\n    applyConfiguration:\n      expression: |-\n        " + expression + "\n"
}

func patching(expression string) string {
	return "  mutations:\n  - patchType: JSONPatch\n    jsonPatch:\n      expression: |-\n        " + expression + "\n"
}

// An applied configuration is merged by the rules of its kind.
func TestMutating_ApplyConfiguration(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(mutation("sidecar", `
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: >-
        Object{
          metadata: Object.metadata{labels: Object.metadata.labels{team: "crew"}},
          spec: Object.spec{containers: [Object.spec.containers{name: "mesh", image: "mesh:" + object.metadata.name}]}
        }
`))
		pod := f.made(`
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, image: nginx}]}
`)
		require.Equal(t, map[string]any{"app": "web", "team": "crew"}, at(t, pod, "metadata", "labels"))
		containers := at(t, pod, "spec", "containers").([]any)
		require.Len(t, containers, 2)
		mesh := containers[1].(map[string]any)
		require.Equal(t, "mesh:web", mesh["image"])
		require.Equal(t, "IfNotPresent", mesh["imagePullPolicy"], "it is completed like any other")
	})
}

func at(t *testing.T, obj map[string]any, path ...string) any {
	value, found, err := unstructured.NestedFieldNoCopy(obj, path...)
	require.NoError(t, err)
	require.True(t, found, "%v in %v", path, obj)
	return value
}

func TestMutating_JSONPatch(t *testing.T) {
	for expression, want := range map[string]map[string]any{
		`[JSONPatch{op: "add", path: "/data/a", value: "b"}]`:                                                 {"replicas": "5", "a": "b"},
		`[JSONPatch{op: "replace", path: "/data", value: {"x": string(object.data.replicas)}}]`:               {"x": "5"},
		`[JSONPatch{op: "copy", from: "/data/replicas", path: "/data/" + jsonpatch.escapeKey("a~b")}]`:        nil, // a key that config maps do not have
		`[JSONPatch{op: "test", path: "/data/replicas", value: "6"}, JSONPatch{op: "remove", path: "/data"}]`: {"replicas": "5"},
		`has(object.metadata.labels) ? [JSONPatch{op: "move", from: "/data/replicas", path: "/data/n"}] : []`: {"n": "5"},
		`object.metadata.name == "two" ? [JSONPatch{op: "remove", path: "/data"}] : []`:                       {"replicas": "5"},
	} {
		t.Run(expression, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.apply(mutation("p", patching(expression)))
				w := f.create(configMap)
				if want == nil {
					require.Equal(t, 422, w.Code, "%s", w.Body)
					return
				}
				require.Equal(t, http.StatusCreated, w.Code, "%s", w.Body)
				require.Equal(t, want, parse(t, w)["data"])
			})
		})
	}
}

// Each policy sees what those before it have made of the object, and an earlier
// one once more what later ones have.
func TestMutating_order(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(mutation("a", patching(`[JSONPatch{op: "add", path: "/data/a", value: has(object.data.b) ? "saw b" : "saw nothing"}]`)))
		f.apply(mutation("b", patching(`[JSONPatch{op: "add", path: "/data/b", value: has(object.data.a) ? "saw a" : "saw nothing"}]`)))
		require.Equal(t, map[string]any{"replicas": "5", "a": "saw b", "b": "saw a"}, f.made(configMap)["data"])
	})
}

// Conditions and failures.
func TestMutating_errors(t *testing.T) {
	const said = "policy 'p' with binding 'p' denied request: "
	for name, c := range map[string]struct {
		spec, message string
		code          int
	}{
		"fails": {
			patching(`[JSONPatch{op: "add", path: object.data.missing, value: 1}]`),
			said + `expression '[JSONPatch{op: "add", path: object.data.missing, value: 1}]' resulted in error: no such key: missing`, 403,
		},
		"does not apply": {
			patching(`[JSONPatch{op: "remove", path: "/data/none"}]`),
			said + `JSON Patch: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value`, 403,
		},
		"ignored":       {"  failurePolicy: Ignore\n" + patching(`[JSONPatch{op: "remove", path: "/data/none"}]`), "", http.StatusCreated},
		"wrong type":    {applying(`Object{metadata: Object.spec{labels: Object.metadata.labels{}}}`), said + "type mismatch: ", 403},
		"unknown field": {applying(`Object{data: Object.data{a: "b"}, nothing: 1}`), said + "error applying patch: failed to convert patch object to typed object: .nothing: field not declared in schema", 403},
		"condition": {
			"  matchConditions: [{name: c, expression: \"object.metadata.name == 'two'\"}]\n" + patching(`[JSONPatch{op: "remove", path: "/data"}]`),
			"", http.StatusCreated,
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.apply(mutation("p", c.spec))
				w := f.create(configMap)
				require.Equal(t, c.code, w.Code, "%s", w.Body)
				if c.message != "" {
					require.Contains(t, parse(t, w)["message"], c.message)
					require.Equal(t, "Invalid", parse(t, w)["reason"])
				}
			})
		})
	}
}

// What could only be replaced as a whole is not merged.
func TestMutating_atomic(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(mutation("p", applying(`Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: Object.spec.selector.matchLabels{a: "b"}}}}`)))
		status := f.refused(403, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
`)
		require.Contains(t, status["message"], "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector")
	})
}

// A Scale is an object of its own.
func TestMutating_scale(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
`)
		f.apply(mutation("p", "  matchConditions: [{name: c, expression: \"request.subResource == 'scale'\"}]\n"+
			applying(`Object{spec: Object.spec{replicas: object.spec.replicas * 2}}`)))
		w := f.send(http.MethodPatch, paths["Deployment"]+"/web/scale", `{"spec":{"replicas":4}}`)
		require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
		require.EqualValues(t, 8, at(t, parse(t, w), "spec", "replicas"))
	})
}

// An expression that does not compile is refused when it is written.
func TestMutating_expressions(t *testing.T) {
	for spec, want := range map[string]string{
		applying(`{"a": 1}`): "must evaluate to Object but got map(string, int)",
		patching(`Object{}`): "must evaluate to list(JSONPatch) but got Object",
		patching(`[`):        "compilation failed",
	} {
		run(t, func(f *fixture) {
			w := f.create(mutation("p", spec))
			require.Equal(t, 422, w.Code, "%s", w.Body)
			require.Contains(t, parse(t, w)["message"], want)
		})
	}
}

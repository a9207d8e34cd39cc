package policy_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const limits = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: limits.rules.example.com}
spec:
  group: rules.example.com
  scope: Namespaced
  names: {plural: limits, singular: limit, kind: Limit, listKind: LimitList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              max: {type: integer}
              note: {type: string, default: none}
              owners:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, phone: {type: string}}}
  - name: v2
    served: true
    storage: false
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              max: {type: integer}
              note: {type: string}
`

func (f *fixture) define() {
	f.apply(limits)
	time.Sleep(10 * time.Second) // until it is established, in virtual time
}

// Parameters can be of a kind that clients have made.
func TestCustom_params(t *testing.T) {
	run(t, func(f *fixture) {
		f.define()
		f.apply(validating("  paramKind: {apiVersion: rules.example.com/v1, kind: Limit}\n" +
			`  validations: [{expression: "int(object.data.replicas) <= params.spec.max", messageExpression: "params.kind + ' says ' + string(params.spec.max)"}]`))
		f.apply(binding("  paramRef: {name: strict, parameterNotFoundAction: Deny}"))
		require.Contains(t, f.refused(422, configMap)["message"], "no params found for policy binding with `Deny` parameterNotFoundAction")

		f.apply("apiVersion: rules.example.com/v1\nkind: Limit\nmetadata: {name: strict}\nspec: {max: 3}")
		require.Contains(t, f.refused(422, configMap)["message"], "Limit says 3")
		w := f.send(http.MethodPatch, paths["Limit"]+"/strict", `{"spec":{"max":5}}`)
		require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
		f.apply(configMap)
	})
}

// A custom object is judged and changed like any other: lists merge as its schema
// says, and what the schema does not name is dropped.
func TestCustom_objects(t *testing.T) {
	run(t, func(f *fixture) {
		f.define()
		const rules = `{apiGroups: [rules.example.com], apiVersions: [v1], operations: ["*"], resources: [limits]}`
		f.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: owned}
spec:
  reinvocationPolicy: Never
  matchConstraints: {resourceRules: [` + rules + `]}
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: >-
        Object{spec: Object.spec{owners: [Object.spec.owners{name: "ann", phone: "12"}]}}
  - patchType: JSONPatch
    jsonPatch:
      expression: '[JSONPatch{op: "add", path: "/spec/unknown", value: 1}]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: owned}
spec: {policyName: owned}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  matchConstraints: {resourceRules: [` + rules + `]}
  validations: [{expression: "object.apiVersion == 'rules.example.com/v1' && object.spec.max < 10", message: "too much"}]`)
		f.apply(binding(""))

		made := f.made("apiVersion: rules.example.com/v1\nkind: Limit\nmetadata: {name: a}\nspec: {max: 3, owners: [{name: bob}]}")
		require.Equal(t, map[string]any{
			"max": 3.0, "note": "none",
			"owners": []any{map[string]any{"name": "bob"}, map[string]any{"name": "ann", "phone": "12"}},
		}, made["spec"])
		require.Contains(t, f.refused(422, "apiVersion: rules.example.com/v1\nkind: Limit\nmetadata: {name: b}\nspec: {max: 30}")["message"], "too much")

		// A request in another version is matched as well, and shown in that of the rule.
		w := f.send(http.MethodPost, "/apis/rules.example.com/v2/namespaces/shop/limits",
			"apiVersion: rules.example.com/v2\nkind: Limit\nmetadata: {name: c}\nspec: {max: 30}")
		require.Equal(t, 422, w.Code, "%s", w.Body)
		require.Contains(t, parse(t, w)["message"], "too much")
	})
}

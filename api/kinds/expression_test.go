package kinds_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
)

const policyWithExpressions = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few.example.com}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConditions: [{name: new, expression: "oldObject == null"}]
  variables: [{name: count, expression: "object.spec.replicas"}]
  validations: [{expression: "variables.count < 5", messageExpression: "'too many'"}, {expression: ""}]
  auditAnnotations: [{key: count, valueExpression: "string(variables.count)"}]
`

func TestExpressions(t *testing.T) {
	policy, _ := parse(t, "policy", policyWithExpressions)
	old, _ := parse(t, "policy", policyWithExpressions)
	require.Nil(t, kinds.Expressions(object(t, "v1", "ConfigMap"), nil))

	got := kinds.Expressions(policy, nil)
	want := []struct {
		path string
		use  kinds.ExpressionUse
		text string
	}{
		{"spec.matchConditions[0].expression", kinds.MatchConditionExpression, "oldObject == null"},
		{"spec.variables[0].expression", kinds.VariableExpression, "object.spec.replicas"},
		{"spec.validations[0].expression", kinds.ValidationExpression, "variables.count < 5"},
		{"spec.validations[0].messageExpression", kinds.MessageExpression, "'too many'"},
		{"spec.auditAnnotations[0].valueExpression", kinds.AuditExpression, "string(variables.count)"},
	}
	require.Len(t, got, len(want))
	for i, e := range got {
		require.Equal(t, want[i].path, e.Path.String())
		require.Equal(t, want[i].use, e.Use)
		require.Equal(t, want[i].text, e.Text)
		require.True(t, e.Params)
		require.False(t, e.Stored)
	}
	require.Equal(t, "count", got[1].Name)
	for _, e := range kinds.Expressions(policy, old) {
		require.True(t, e.Stored, "what was there before is there to stay")
	}
}

func TestExpressions_ofWebhooksAndMutations(t *testing.T) {
	hooks, _ := parse(t, "hooks", `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hooks}
webhooks: [{name: a.example.com, clientConfig: {}, sideEffects: None, admissionReviewVersions: [v1], matchConditions: [{name: a, expression: "true"}]}]
`)
	require.Equal(t, "webhooks[0].matchConditions[0].expression", kinds.Expressions(hooks, nil)[0].Path.String())
	mutation, _ := parse(t, "mutation", `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: label.example.com}
spec:
  mutations:
  - {patchType: JSONPatch, jsonPatch: {expression: "[]"}}
  - {patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{}"}}
  reinvocationPolicy: Never
`)
	got := kinds.Expressions(mutation, nil)
	require.Equal(t, kinds.PatchExpression, got[0].Use)
	require.Equal(t, kinds.ApplyExpression, got[1].Use)
	require.Equal(t, "spec.mutations[1].applyConfiguration.expression", got[1].Path.String())
}

func object(t *testing.T, apiVersion, kind string) api.Object {
	t.Helper()
	obj, _ := parse(t, kind, "apiVersion: "+apiVersion+"\nkind: "+kind+"\nmetadata: {name: x}\n")
	return obj
}

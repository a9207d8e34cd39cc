package policy_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const denied = `ValidatingAdmissionPolicy 'few' with binding 'here' denied request: `

// What policies say to a config map with data.replicas 5.
func TestValidating(t *testing.T) {
	for name, c := range map[string]struct {
		policy, binding string
		code            int
		message         string // behind "denied request: "
	}{
		"holds":  {policy: `  validations: [{expression: "int(object.data.replicas) <= 5"}]`, code: http.StatusCreated},
		"broken": {policy: `  validations: [{expression: "int(object.data.replicas) < 5"}]`, code: 422, message: "failed expression: int(object.data.replicas) < 5"},
		"message": {
			policy: `  validations: [{expression: "false", message: " too many "}]`, code: 422, message: "too many",
		},
		"message expression": {
			policy: `  validations: [{expression: "false", message: "no", messageExpression: "'have ' + string(object.data.replicas)"}]`,
			code:   422, message: "have 5",
		},
		"bad message expression": {
			policy: `  validations: [{expression: "false", message: "no", messageExpression: "string(object.data.missing)"}]`,
			code:   422, message: "no",
		},
		"reason": {policy: `  validations: [{expression: "false", reason: Forbidden}]`, code: 403, message: "failed expression: false"},
		"large":  {policy: `  validations: [{expression: "false", reason: RequestEntityTooLarge}]`, code: 413, message: "failed expression: false"},
		"first counts": {
			policy: `  validations: [{expression: "true"}, {expression: "false", message: a}, {expression: "false", message: b}]`,
			code:   422, message: "a",
		},
		"fails": {
			policy: `  validations: [{expression: "object.data.missing == ''"}]`, code: 422,
			message: "expression 'object.data.missing == ''' resulted in error: no such key: missing",
		},
		"ignores failure": {
			policy: "  failurePolicy: Ignore\n" + `  validations: [{expression: "object.data.missing == ''"}]`, code: http.StatusCreated,
		},
		"variables": {
			policy: "  variables: [{name: have, expression: 'int(object.data.replicas)'}, {name: twice, expression: 'variables.have * 2'}]\n" +
				`  validations: [{expression: "variables.twice != 10", message: "ten"}]`,
			code: 422, message: "ten",
		},
		"condition holds": {
			policy: "  matchConditions: [{name: c, expression: \"request.userInfo.username == 'ann'\"}]\n" + `  validations: [{expression: "false"}]`,
			code:   422, message: "failed expression: false",
		},
		"condition does not": {
			policy: "  matchConditions: [{name: c, expression: \"request.userInfo.username == 'bob'\"}]\n" + `  validations: [{expression: "false"}]`,
			code:   http.StatusCreated,
		},
		"condition fails": {
			policy: "  matchConditions: [{name: c, expression: \"object.data.missing == ''\"}]\n" + `  validations: [{expression: "false"}]`,
			code:   422, message: "expression 'object.data.missing == ''' resulted in error: no such key: missing",
		},
		"namespace": {
			policy: `  validations: [{expression: "namespaceObject.metadata.labels['tier'] != 'gold'", message: gold}]`, code: 422, message: "gold",
		},
		"authorizer": {
			policy: `  validations: [{expression: "authorizer.requestResource.check('fly').allowed()", messageExpression: "'no'"}]`, code: 422, message: "no",
		},
		"binding elsewhere": {
			policy:  `  validations: [{expression: "false"}]`,
			binding: "  matchResources: {namespaceSelector: {matchLabels: {tier: silver}}}", code: http.StatusCreated,
		},
		"binding by object": {
			policy:  `  validations: [{expression: "false"}]`,
			binding: "  matchResources: {objectSelector: {matchLabels: {app: web}}}", code: 422, message: "failed expression: false",
		},
		"binding excludes": {
			policy: `  validations: [{expression: "false"}]`,
			binding: "  matchResources: {excludeResourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], " +
				"resources: [configmaps], resourceNames: [one]}]}",
			code: http.StatusCreated,
		},
		"endless": {
			policy: `  validations: [{expression: "` + endless + `"}]`, code: 422,
			message: "expression '" + endless + "' resulted in error: operation cancelled: actual cost limit exceeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.apply(validating(c.policy))
				f.apply(binding(c.binding))
				w := f.create(configMap)
				require.Equal(t, c.code, w.Code, "%s", w.Body)
				if c.message != "" {
					require.Equal(t, `configmaps "one" is forbidden: `+denied+c.message, parse(t, w)["message"])
				}
			})
		})
	}
}

const (
	ten     = "[0,1,2,3,4,5,6,7,8,9]"
	endless = ten + ".all(a, " + ten + ".all(b, " + ten + ".all(c, " + ten + ".all(d, " + ten + ".all(e, " + ten + ".all(f, a+b+c+d+e+f < 100))))))"
)

// A policy without a binding does nothing, and one that is gone neither.
func TestValidating_comesAndGoes(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(validating(`  validations: [{expression: "false"}]`))
		require.Equal(t, http.StatusCreated, f.create(configMap).Code)
		f.apply(binding(""))
		path := paths["ConfigMap"] + "/one"
		require.Equal(t, 422, f.send(http.MethodPatch, path, `{"data":{"a":"b"}}`).Code)
		require.Equal(t, 422, f.send(http.MethodDelete, path, "").Code)
		f.send(http.MethodDelete, paths["ValidatingAdmissionPolicyBinding"]+"/here", "")
		require.Equal(t, http.StatusOK, f.send(http.MethodDelete, path, "").Code)
	})
}

// The status that a client gets of a refusal.
func TestValidating_status(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(validating(`  validations: [{expression: "false", message: "no"}]`))
		f.apply(binding(""))
		status := f.refused(422, configMap)
		require.Equal(t, "Invalid", status["reason"])
		require.Equal(t, map[string]any{
			"name": "one", "kind": "configmaps",
			"causes": []any{map[string]any{"message": denied + "no"}},
		}, status["details"])
	})
}

// Actions other than Deny let the request through.
func TestValidating_actions(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(validating(`  validations: [{expression: "true"}, {expression: "false", message: "too many"}]
  auditAnnotations: [{key: count, valueExpression: "'have ' + string(object.data.replicas)"}, {key: none, valueExpression: "null"}]`))
		f.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: here}
spec: {policyName: few, validationActions: [Warn, Audit]}
`)
		w := f.create(configMap)
		require.Equal(t, http.StatusCreated, w.Code)
		require.Equal(t, `299 - "Validation failed for ValidatingAdmissionPolicy 'few' with binding 'here': too many"`, w.Header().Get("Warning"))
		require.Equal(t, map[string]string{
			"few/count": "have 5",
			"validation.policy.admission.k8s.io/validation_failure": `[{"message":"too many","policy":"few","binding":"here",` +
				`"expressionIndex":1,"validationActions":["Warn","Audit"]}]`,
		}, f.audit)
	})
}

// Parameters, by name and by selector.
func TestParams(t *testing.T) {
	const limits = `
apiVersion: v1
kind: ConfigMap
metadata: {name: strict, labels: {limits: "yes"}}
data: {max: "3"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: lax, labels: {limits: "yes"}}
data: {max: "7"}
`
	const rule = "  paramKind: {apiVersion: v1, kind: ConfigMap}\n" +
		`  validations: [{expression: "int(object.data.replicas) <= int(params.data.max)", messageExpression: "'at most ' + string(params.data.max)"}]`
	for name, c := range map[string]struct{ binding, want string }{
		"holds":     {"  paramRef: {name: lax, namespace: shop, parameterNotFoundAction: Deny}", ""},
		"broken":    {"  paramRef: {name: strict, parameterNotFoundAction: Deny}", denied + "at most 3"},
		"all":       {"  paramRef: {selector: {matchLabels: {limits: 'yes'}}, parameterNotFoundAction: Deny}", denied + "at most 3"},
		"not there": {"  paramRef: {name: none, parameterNotFoundAction: Allow}", ""},
		"must be there": {
			"  paramRef: {name: none, parameterNotFoundAction: Deny}",
			denied + "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
		},
		"null": {"", denied + "expression 'int(object.data.replicas) <= int(params.data.max)' resulted in error: no such key: data"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.apply(limits)
				f.apply(validating(rule))
				f.apply(binding(c.binding))
				w := f.create(configMap)
				if c.want == "" {
					require.Equal(t, http.StatusCreated, w.Code, "%s", w.Body)
					return
				}
				require.Equal(t, 422, w.Code)
				require.Equal(t, `configmaps "one" is forbidden: `+c.want, parse(t, w)["message"])
			})
		})
	}
}

func TestParams_unknownKind(t *testing.T) {
	run(t, func(f *fixture) {
		f.apply(validating("  paramKind: {apiVersion: rules.example.com/v1, kind: Limit}\n" + `  validations: [{expression: "true"}]`))
		f.apply(binding("  paramRef: {name: strict, parameterNotFoundAction: Deny}"))
		require.Equal(t, `configmaps "one" is forbidden: ValidatingAdmissionPolicy 'few' denied request: failed to configure policy: `+
			`failed to find resource referenced by paramKind: 'rules.example.com/v1, Kind=Limit'`, f.refused(422, configMap)["message"])
	})
}

// A policy whose expressions make no sense cannot be written.
func TestExpressions(t *testing.T) {
	for spec, want := range map[string]string{
		`  validations: [{expression: "object."}]`:                                                         "spec.validations[0].expression: Invalid value: \"object.\": compilation failed: ERROR: <input>:1:8: Syntax error",
		`  validations: [{expression: "'text'"}]`:                                                          "spec.validations[0].expression: Invalid value: \"'text'\": must evaluate to bool but got string",
		`  validations: [{expression: "params == null"}]`:                                                  "undeclared reference to 'params'",
		`  validations: [{expression: "variables.x == 1"}]`:                                                "undefined field 'x'",
		`  validations: [{expression: "true", messageExpression: "authorizer == null"}]`:                   "undeclared reference to 'authorizer'",
		"  variables: [{name: x, expression: '1 +'}]\n" + `  validations: [{expression: "true"}]`:          "spec.variables[0].expression: Invalid value",
		"  matchConditions: [{name: x, expression: 'nobody'}]\n" + `  validations: [{expression: "true"}]`: "spec.matchConditions[0].expression: Invalid value: \"nobody\": compilation failed",
		"  auditAnnotations: [{key: x, valueExpression: '1'}]":                                             "must evaluate to one of [string null_type] but got int",
	} {
		t.Run(spec, func(t *testing.T) {
			run(t, func(f *fixture) {
				status := f.refused(422, validating(spec))
				require.Contains(t, status["message"], want)
				require.Equal(t, "Invalid", status["reason"])
			})
		})
	}
}

// Neither can a webhook with such a condition.
func TestExpressions_webhooks(t *testing.T) {
	run(t, func(f *fixture) {
		status := f.refused(422, `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hooks}
webhooks:
- name: a.example.com
  clientConfig: {url: "https://example.com/judge"}
  sideEffects: None
  admissionReviewVersions: [v1]
  matchConditions: [{name: c, expression: "object.metadata.name ="}]
`)
		require.Contains(t, status["message"], "webhooks[0].matchConditions[0].expression: Invalid value: \"object.metadata.name =\": compilation failed")
	})
}

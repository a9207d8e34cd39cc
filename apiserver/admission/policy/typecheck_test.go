package policy_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// What is strange about a policy's expressions is told in its status.
func TestTypeChecking(t *testing.T) {
	for name, c := range map[string]struct{ spec, warning string }{
		"sound":         {`[{expression: "object.spec.replicas > 1"}]`, ""},
		"a map":         {`[{expression: "object.metadata.labels['a'] == 'b'"}]`, ""},
		"a list":        {`[{expression: "object.spec.template.spec.containers.all(c, c.image.startsWith('x'))"}]`, ""},
		"int or string": {`[{expression: "object.spec.strategy.rollingUpdate.maxSurge == '5%' || object.spec.strategy.rollingUpdate.maxSurge == 5"}]`, ""},
		"the old one":   {`[{expression: "oldObject == null || oldObject.spec.replicas == object.spec.replicas"}]`, ""},
		"a text":        {`[{expression: "object.spec.replicas > '1'"}]`, "found no matching overload for '_>_' applied to '(int, string)'"},
		"no such field": {`[{expression: "object.spec.sails > 1"}]`, "undefined field 'sails'"},
		"a message":     {`[{expression: "true", messageExpression: "string(object.spec.sails)"}]`, "undefined field 'sails'"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(f *fixture) {
				f.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: ["*"], resources: [deployments, deployments/scale]}]}
  validations: ` + c.spec)
				synctest.Wait()
				status := f.get(paths["ValidatingAdmissionPolicy"] + "/few")["status"].(map[string]any)
				require.EqualValues(f.t, 1, status["observedGeneration"])
				checking := status["typeChecking"].(map[string]any)
				if c.warning == "" {
					require.Empty(f.t, checking)
					return
				}
				warning := checking["expressionWarnings"].([]any)[0].(map[string]any)
				require.Contains(f.t, warning["warning"], "apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:")
				require.Contains(f.t, warning["warning"], c.warning)
				require.Contains(f.t, warning["fieldRef"], "spec.validations[0].")
			})
		})
	}
}

func (f *fixture) get(path string) map[string]any {
	w := f.send("GET", path, "")
	require.Equal(f.t, http.StatusOK, w.Code)
	return parse(f.t, w)
}

package policy_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each evaluation counts, by what came of it.
func TestMetrics(t *testing.T) {
	for _, c := range []struct{ policy, figure string }{
		{`  validations: [{expression: "true"}]`, `{enforcement_action="allow",error_type="no_error",policy="few",policy_binding="here"} 1`},
		{`  validations: [{expression: "false"}]`, `{enforcement_action="deny",error_type="no_error",policy="few",policy_binding="here"} 1`},
		{`  validations: [{expression: "object.data.missing == ''"}]`, `{enforcement_action="deny",error_type="invalid_error",policy="few",policy_binding="here"} 1`},
	} {
		run(t, func(f *fixture) {
			f.apply(validating(c.policy))
			f.apply(binding(""))
			f.create(configMap)
			answer := httptest.NewRecorder()
			f.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
			require.Contains(f.t, answer.Body.String(), "apiserver_validating_admission_policy_check_total"+c.figure)
		})
	}
}

package policy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Selectors of devices must compile, and may be what an attribute is.
func TestExpressions_devices(t *testing.T) {
	for expression, message := range map[string]string{
		`device.driver == "a" && device.attributes["a.example.com"].x > 1`:        "",
		`device.attributes["a.example.com"].ready`:                                "",
		`cel.bind(a, device.capacity["a"], a.memory.isLessThan(quantity("1Gi")))`: "",
		`device.driver`: "must evaluate to bool or the unknown type, not string",
		`object.spec`:   "undeclared reference to 'object'",
		`device.wheels`: "undefined field 'wheels'",
	} {
		run(t, func(f *fixture) {
			w := f.send("POST", "/apis/resource.k8s.io/v1/deviceclasses", `{"metadata":{"name":"c"},"spec":{"selectors":[{"cel":{"expression":"`+
				strings.ReplaceAll(expression, `"`, `\"`)+`"}}]}}`)
			if message == "" {
				require.Equal(f.t, http.StatusCreated, w.Code, "%s", w.Body)
				return
			}
			require.Equal(f.t, http.StatusUnprocessableEntity, w.Code, "%s", w.Body)
			require.Contains(f.t, parse(f.t, w)["message"], "spec.selectors[0].cel.expression")
			require.Contains(f.t, parse(f.t, w)["message"], message)
		})
	}
}

package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/openapi"
)

// What kubectl explain says of a field comes from here.
func Example() {
	documents := openapi.New(openapi.Source{
		Resources: kinds.Registry(), Version: "1.37",
		Discover: func(r *api.Resource) []metav1.APIResource {
			return []metav1.APIResource{{Name: r.Plural, Kind: r.Kind, Verbs: []string{"get"}}}
		},
	})
	w := httptest.NewRecorder()
	documents.ServeV3(w, httptest.NewRequest("GET", "/openapi/v3/apis/apps/v1", nil))
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Type, Format, Description string }
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		fmt.Println(err)
		return
	}
	field := document.Components.Schemas["io.k8s.api.apps.v1.DeploymentSpec"].Properties["minReadySeconds"]
	fmt.Println(field.Type, field.Format)
	fmt.Println(field.Description)
	// Output:
	// integer int32
	// Minimum number of seconds for which a newly created pod should be ready without any of its container crashing, for it to be considered available. Defaults to 0 (pod will be considered available as soon as it is ready)
}

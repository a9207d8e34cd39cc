package policy_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/policy"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A server with policies: their hooks go into its configuration, and they run
// beside it.
func Example() {
	st := memstore.New()
	defer st.Close()
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	policies := policy.New(policy.Options{Storage: storage, Authorizer: ann{}})
	server, err := apiserver.New(apiserver.Config{
		Storage: storage, Authorizer: ann{}, Authenticators: []apiserver.Authenticator{ann{}},
		Hooks: []apiserver.Hook{policy.Expressions(), policies.Mutating(), policies.Validating()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- server.Run(ctx) }()
	go func() { done <- policies.Run(ctx) }()

	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, "POST", paths["ValidatingAdmissionPolicy"],
		strings.NewReader(validating(`  validations: [{expression: "1 + 1"}]`)))
	r.Header.Set("Content-Type", "application/yaml")
	server.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "must evaluate to bool but got int"))
	cancel()
	fmt.Println(<-done, <-done)
	// Output:
	// 422 true
	// <nil> <nil>
}

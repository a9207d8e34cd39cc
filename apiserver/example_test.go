package apiserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// guest knows everybody by one name.
type guest struct{}

func (guest) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "guest"}, nil
}

// readers lets everybody read and nobody delete.
type readers struct{}

func (readers) Authorize(_ context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	if a.Verb == "delete" {
		return apiserver.Deny, "nothing is thrown away here", nil
	}
	return apiserver.Allow, "", nil
}

// A server over a store in memory, called without a network.
func Example() {
	st := memstore.New()
	defer st.Close()
	server, err := apiserver.New(apiserver.Config{
		Storage:        apiserver.NewStorage(st, kinds.Registry(), nil),
		Authenticators: []apiserver.Authenticator{guest{}},
		Authorizer:     readers{},
		Hooks: []apiserver.Hook{apiserver.MutateFunc(func(_ context.Context, a *apiserver.Admission) error {
			if a.Operation == apiserver.Create {
				a.Object.SetLabels(map[string]string{"created-by": a.User.Name})
			}
			return nil
		})},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()

	call := func(method, path, body string) {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		answer := parseJSON(w.Body.Bytes())
		fmt.Println(w.Code, answer["kind"], answer["message"], labelsOf(answer))
	}
	call("POST", "/api/v1/namespaces/default/configmaps", `{"metadata": {"name": "colors"}}`)
	call("GET", "/api/v1/namespaces/default/configmaps/colors", "")
	call("DELETE", "/api/v1/namespaces/default/configmaps/colors", "")

	cancel()
	fmt.Println(<-done)
	// Output:
	// 201 ConfigMap <nil> map[created-by:guest]
	// 200 ConfigMap <nil> map[created-by:guest]
	// 403 Status configmaps "colors" is forbidden: User "guest" cannot delete resource "configmaps" in API group "" in the namespace "default": nothing is thrown away here <nil>
	// <nil>
}

package webhook_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/webhook"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A server with webhooks: their hooks go into its configuration, and they run
// beside it.
func Example() {
	st := memstore.New()
	defer st.Close()
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	hooks := webhook.New(webhook.Options{Storage: storage, Authorizer: everybody{}})
	server, err := apiserver.New(apiserver.Config{
		Storage: storage, Authorizer: everybody{}, Authenticators: []apiserver.Authenticator{everybody{}},
		Hooks: []apiserver.Hook{hooks.Mutating(), hooks.Validating()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- server.Run(ctx) }()
	go func() { done <- hooks.Run(ctx) }()

	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/api/v1/namespaces/shop/configmaps",
		strings.NewReader(`{"metadata":{"name":"one"}}`)))
	fmt.Println(w.Code)
	cancel()
	fmt.Println(<-done, <-done)
	// Output:
	// 201
	// <nil> <nil>
}

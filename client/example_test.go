package client_test

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// An API server in this process, and a client of it.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := serve(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	namespaces := client.For[*corev1.Namespace](c)
	_, err = namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "harbour"}})
	fmt.Println("created:", err == nil)
	list, err := namespaces.List(ctx, "", client.ListOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ns := range list.Items {
		fmt.Println(ns.Kind, ns.Name, ns.Status.Phase)
	}
	_, err = namespaces.Get(ctx, "", "open-sea")
	fmt.Println("not found:", apierrors.IsNotFound(err))
	// Output:
	// created: true
	// Namespace harbour Active
	// not found: true
}

// Two people change one object, and neither undoes the other's change.
func ExampleKind_Modify() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := serve(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.For[*corev1.Node](c).Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := client.For[*corev1.Node](c).Modify(ctx, "", "n1", func(n *corev1.Node) error {
		n.Spec.Unschedulable = true
		return nil
	})
	fmt.Println(n.Spec.Unschedulable, err)
	// Output: true <nil>
}

// serve runs an API server in this process and returns a client of it.
func serve(ctx context.Context) (*client.Client, error) {
	server, err := apiserver.New(apiserver.Config{
		Storage:        apiserver.NewStorage(memstore.New(), kinds.Registry(), nil),
		Authenticators: []apiserver.Authenticator{everybody{}},
		Authorizer:     everybody{},
	})
	if err != nil {
		return nil, err
	}
	go server.Run(ctx)

	return client.New(client.Config{BaseURL: "http://coracle", Transport: client.InMemory(server)})
}

// everybody is known and may do everything.
type everybody struct{}

func (everybody) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "you"}, nil
}

func (everybody) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}

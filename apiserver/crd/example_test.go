package crd_test

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/crd"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A server whose kinds can grow is made of three parts more than one whose
// cannot. Definitions are served like any kind; what they define comes once
// the controller runs beside the server.
func Example() {
	st := memstore.New()
	defer func() { _ = st.Close() }()

	registry := crd.NewRegistry(kinds.Registry())
	storage := apiserver.NewStorage(st, registry, nil)
	definitions := crd.NewController(crd.Options{Storage: storage, Registry: registry})
	server, err := apiserver.New(apiserver.Config{
		Storage: storage,
		Hooks:   []apiserver.Hook{definitions.Hook()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = server // run it with server.Run(ctx), and beside it definitions.Run(ctx)

	defined := registry.ForKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	fmt.Println(defined.Plural, defined.ShortNames)
	// Output: customresourcedefinitions [crd crds]
}

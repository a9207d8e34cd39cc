package typedtest_test

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// A store in one line, read through package typed.
func Example() {
	ctx := context.Background()
	objects := typedtest.New(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	ns, err := typed.Get[*corev1.Namespace](ctx, objects, "", "shop")
	fmt.Println(ns.Name, ns.ResourceVersion, err)
	_, err = typed.Get[*corev1.Namespace](ctx, objects, "", "harbour")
	fmt.Println(apierrors.IsNotFound(err))
	// Output:
	// shop 1 <nil>
	// true
}

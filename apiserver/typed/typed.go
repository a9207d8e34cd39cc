package typed

import (
	"context"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
)

// Resource returns the built-in resource of a Go type such as *corev1.Pod.
func Resource[T api.Object]() *api.Resource {
	empty := reflect.New(reflect.TypeFor[T]().Elem()).Interface().(T)
	gvk, err := api.KindOf(empty)
	if err != nil {
		panic(fmt.Sprintf("%T is not a built-in type: %v", empty, err))
	}
	r := kinds.Registry().ForKind(gvk)
	if r == nil {
		panic(fmt.Sprintf("%T is not a built-in kind", empty))
	}
	return r
}

// Get returns a stored object, which must not be changed, or a NotFound status
// error.
func Get[T api.Object](ctx context.Context, objects apiserver.Objects, namespace, name string) (T, error) {
	obj, err := objects.Get(ctx, Resource[T](), namespace, name)
	return as[T](obj, err)
}

// List returns the stored objects of a namespace, or of all if it is empty.
// They must not be changed.
func List[T api.Object](ctx context.Context, objects apiserver.Objects, namespace string) ([]T, error) {
	found, err := objects.List(ctx, Resource[T](), namespace)
	if err != nil {
		return nil, err
	}
	list := make([]T, len(found))
	for i, obj := range found {
		list[i] = obj.(T)
	}
	return list, nil
}

// Create stores a new object and returns it as stored.
func Create[T api.Object](ctx context.Context, objects apiserver.Objects, obj T) (T, error) {
	stored, err := objects.Create(ctx, Resource[T](), obj)
	return as[T](stored, err)
}

// Modify lets change alter the stored object, as often as it takes until
// nobody else changed it meanwhile, and returns it as stored.
func Modify[T api.Object](ctx context.Context, objects apiserver.Objects, namespace, name string, change func(T) error) (T, error) {
	stored, err := objects.Modify(ctx, Resource[T](), namespace, name, func(obj api.Object) error {
		return change(obj.(T))
	})
	return as[T](stored, err)
}

// Delete removes an object at once.
func Delete[T api.Object](ctx context.Context, objects apiserver.Objects, namespace, name string) error {
	return objects.Delete(ctx, Resource[T](), namespace, name)
}

// Ensure creates obj, or if it is there lets change bring the stored one up to
// date. A nil change leaves it as it is.
func Ensure[T api.Object](ctx context.Context, objects apiserver.Objects, obj T, change func(stored T) error) error {
	_, err := Get[T](ctx, objects, obj.GetNamespace(), obj.GetName())
	if apierrors.IsNotFound(err) {
		_, err = Create(ctx, objects, obj)
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
		err = nil // somebody was faster
	}
	if err != nil || change == nil {
		return err
	}
	_, err = Modify(ctx, objects, obj.GetNamespace(), obj.GetName(), change)
	return err
}

func as[T api.Object](obj api.Object, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return obj.(T), nil
}

package api

import (
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Clone returns a deep copy of obj with obj's own type.
func Clone[T Object](obj T) T { return obj.DeepCopyObject().(T) }

// Key returns the name by which people and queues call an object:
// "namespace/name", or "name" where there is no namespace.
func Key(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// KeyOf returns the [Key] of an object.
func KeyOf(obj Object) string { return Key(obj.GetNamespace(), obj.GetName()) }

// SplitKey takes a [Key] apart. The namespace is empty where the key has none.
func SplitKey(key string) (namespace, name string, err error) {
	namespace, name, found := strings.Cut(key, "/")
	if !found {
		namespace, name = "", namespace
	}
	if name == "" || strings.Contains(name, "/") || (found && namespace == "") {
		return "", "", fmt.Errorf("split key %q: want namespace/name or name", key)
	}
	return namespace, name, nil
}

// KindOf returns the kind of an object: the one it says of itself or, since Go
// code rarely sets that on typed objects, the one [Scheme] has for its type.
func KindOf(obj runtime.Object) (schema.GroupVersionKind, error) {
	return Codecs().kindOf(obj)
}

// SetKind sets the apiVersion and kind of obj in place from its Go type.
// Objects that say what they are stay as they are.
func SetKind(obj runtime.Object) error {
	kind, err := KindOf(obj)
	if err != nil {
		return err
	}
	obj.GetObjectKind().SetGroupVersionKind(kind)
	return nil
}

func (c *Codec) kindOf(obj runtime.Object) (schema.GroupVersionKind, error) {
	if kind := obj.GetObjectKind().GroupVersionKind(); kind.Kind != "" && kind.Version != "" {
		return kind, nil
	}
	kinds, _, err := c.scheme.ObjectKinds(obj)
	if err != nil {
		return schema.GroupVersionKind{}, err
	}
	return kinds[0], nil
}

// withKind returns obj itself if it says its kind, else a shallow copy which does.
func (c *Codec) withKind(obj runtime.Object) (runtime.Object, error) {
	if kind := obj.GetObjectKind().GroupVersionKind(); kind.Kind != "" && kind.Version != "" {
		return obj, nil
	}
	kind, err := c.kindOf(obj)
	if err != nil {
		return obj, err
	}
	pointer := reflect.New(reflect.TypeOf(obj).Elem())
	pointer.Elem().Set(reflect.ValueOf(obj).Elem())
	labelled := pointer.Interface().(runtime.Object)
	labelled.GetObjectKind().SetGroupVersionKind(kind)
	return labelled, nil
}

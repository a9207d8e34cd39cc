package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/coracle-k8s/coracle/api"
)

// A converter brings the objects of one resource into the form that is merged
// and back. It is what the field managers of apimachinery ask for: a type
// converter, an object converter, a defaulter and a creator.
type converter struct {
	resource *api.Resource
	parser   typed.ParseableType
}

// ObjectToTyped views an object through its schema. It does not copy. What is
// of the Go type fits its schema, so only plain maps, such as the configuration
// that a client applies, are checked against it.
func (c *converter) ObjectToTyped(obj runtime.Object, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	if custom, ok := obj.(*unstructured.Unstructured); ok {
		return c.parser.FromUnstructured(custom.Object, options...)
	}
	view, err := value.NewValueReflect(obj)
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", c.resource.Plural, err)
	}
	//lint:ignore SA1019 an object of the Go type fits its schema: checking costs, and finds nothing
	return typed.AsTypedUnvalidated(view, c.parser.Schema, c.parser.TypeRef), nil
}

// TypedToObject is the way back, to a plain map.
func (c *converter) TypedToObject(merged *typed.TypedValue) (runtime.Object, error) {
	content, ok := merged.AsValue().Unstructured().(map[string]any)
	if !ok {
		return nil, fmt.Errorf("merged %s is a %T", c.resource.Plural, merged.AsValue().Unstructured())
	}
	return &unstructured.Unstructured{Object: content}, nil
}

// ConvertToVersion makes a plain map the resource's Go type. There is one
// version of each kind: fields managed in others are nobody's.
func (c *converter) ConvertToVersion(obj runtime.Object, to runtime.GroupVersioner) (runtime.Object, error) {
	if _, known := to.KindForGroupVersionKinds([]schema.GroupVersionKind{c.resource.GroupVersionKind}); !known {
		return nil, runtime.NewNotRegisteredGVKErrForTarget("tracked kinds", c.resource.GroupVersionKind, to)
	}
	custom, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil
	}
	into := c.resource.New()
	if _, stays := into.(*unstructured.Unstructured); stays {
		return obj, nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(custom.Object, into); err != nil {
		return nil, fmt.Errorf("read merged %s: %w", c.resource.Plural, err)
	}
	return into, nil
}

// Convert and ConvertFieldLabel complete runtime.ObjectConvertor; merging
// uses neither.
func (c *converter) Convert(in, out, context any) error {
	return fmt.Errorf("convert %T to %T: not supported", in, out)
}

// ConvertFieldLabel is Convert for the labels of field selectors.
func (c *converter) ConvertFieldLabel(gvk schema.GroupVersionKind, label, value string) (string, string, error) {
	return "", "", fmt.Errorf("convert field label %s of %s: not supported", label, gvk)
}

// Default fills in what an applied configuration leaves out.
func (c *converter) Default(obj runtime.Object) {
	if object, ok := obj.(api.Object); ok && c.resource.Default != nil {
		c.resource.Default(object)
	}
}

// New returns an empty object.
func (c *converter) New(schema.GroupVersionKind) (runtime.Object, error) {
	return c.resource.New(), nil
}

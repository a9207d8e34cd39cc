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
	versions []version // the resource's own first
}

// ObjectToTyped views an object through its schema. It does not copy. What is
// of the Go type fits its schema, so only plain maps, such as the configuration
// that a client applies, are checked against it.
func (c *converter) ObjectToTyped(obj runtime.Object, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	v := c.versionOf(obj)
	if custom, ok := obj.(*unstructured.Unstructured); ok {
		return v.parser.FromUnstructured(custom.Object, options...)
	}
	view, err := value.NewValueReflect(obj)
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", v.resource.Plural, err)
	}
	//lint:ignore SA1019 an object of the Go type fits its schema: checking costs, and finds nothing
	return typed.AsTypedUnvalidated(view, v.parser.Schema, v.parser.TypeRef), nil
}

// TypedToObject is the way back, to a plain map.
func (c *converter) TypedToObject(merged *typed.TypedValue) (runtime.Object, error) {
	content, ok := merged.AsValue().Unstructured().(map[string]any)
	if !ok {
		return nil, fmt.Errorf("merged %s is a %T", c.versions[0].resource.Plural, merged.AsValue().Unstructured())
	}
	return &unstructured.Unstructured{Object: content}, nil
}

// ConvertToVersion makes a plain map the Go type of its version, and brings it
// into another. Fields managed in a version that there is not are nobody's.
func (c *converter) ConvertToVersion(obj runtime.Object, to runtime.GroupVersioner) (runtime.Object, error) {
	wanted, err := c.versionFor(to)
	if err != nil {
		return nil, err
	}
	from := c.versionOf(obj)
	object, err := from.object(obj)
	if err != nil || from.resource == wanted.resource {
		return object, err
	}
	return convert(object, from, wanted)
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
	r := c.versionOf(obj).resource
	if object, ok := obj.(api.Object); ok && r.Default != nil {
		r.Default(object)
	}
}

// New returns an empty object.
func (c *converter) New(schema.GroupVersionKind) (runtime.Object, error) {
	return c.versions[0].resource.New(), nil
}

package apply

import (
	"context"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	smdschema "sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/coracle-k8s/coracle/api"
)

// A version is one form of the objects that a tracker follows. A manager's
// fields are named in the version it writes in, so whether they have changed is
// looked up in that version, whichever the write at hand is in.
type version struct {
	resource *api.Resource
	custom   bool // objects are plain maps, which no Go type describes
	parser   typed.ParseableType
	outline  *outline // nil if custom
}

// versionsOf describes the resource and the other forms of its objects.
func versionsOf(r *api.Resource, others []*api.Resource) []version {
	versions := []version{describe(r)}
	for _, other := range others {
		if other != r && other.Prefix() == r.Prefix() {
			versions = append(versions, describe(other))
		}
	}
	return versions
}

func describe(r *api.Resource) version {
	if _, custom := r.New().(*unstructured.Unstructured); custom {
		return version{resource: r, custom: true, parser: customParser(r)}
	}
	t := reflect.TypeOf(r.New()).Elem()
	types, name := SchemaOf(t)
	return version{
		resource: r,
		parser:   (&typed.Parser{Schema: smdschema.Schema{Types: types}}).Type(name),
		outline:  outlineOf(types, name, t),
	}
}

// customParser reads plain maps by their kind's schema or, if that is not known,
// takes them as they come: then maps merge, and lists are one value.
func customParser(r *api.Resource) typed.ParseableType {
	if r.Schema == nil {
		return typed.DeducedParseableType
	}
	return (&typed.Parser{Schema: smdschema.Schema{Types: customTypes(r.Schema())}}).Type(customType)
}

// versionOf finds the version that an object is in: a Go type is in one alone, a
// plain map says in which.
func (c *converter) versionOf(obj runtime.Object) version {
	kind := obj.GetObjectKind().GroupVersionKind()
	_, plain := obj.(*unstructured.Unstructured)
	for _, v := range c.versions {
		if plain && v.resource.GroupVersionKind == kind || !plain && reflect.TypeOf(obj) == reflect.TypeOf(v.resource.New()) {
			return v
		}
	}
	return c.versions[0]
}

// versionFor returns the version that a versioner asks for. A versioner names a
// kind in its version for every kind of its group, so the name must be compared.
func (c *converter) versionFor(to runtime.GroupVersioner) (version, error) {
	for _, v := range c.versions {
		kind, ok := to.KindForGroupVersionKinds([]schema.GroupVersionKind{v.resource.GroupVersionKind})
		if ok && kind == v.resource.GroupVersionKind {
			return v, nil
		}
	}
	return version{}, runtime.NewNotRegisteredGVKErrForTarget("tracked kinds", c.versions[0].resource.GroupVersionKind, to)
}

// object makes a plain map the version's Go type.
func (v version) object(obj runtime.Object) (api.Object, error) {
	plain, ok := obj.(*unstructured.Unstructured)
	if !ok || v.custom {
		return obj.(api.Object), nil
	}
	into := v.resource.New()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(plain.Object, into); err != nil {
		return nil, fmt.Errorf("read merged %s: %w", v.resource.Plural, err)
	}
	return into, nil
}

// convert brings an object from one version into another, by way of the form
// in which both are stored. It does not change obj.
func convert(obj api.Object, from, to version) (api.Object, error) {
	kept, err := obj.DeepCopyObject().(api.Object), error(nil)
	if from.resource.Stored != nil {
		kept, err = from.resource.Stored.To(context.Background(), kept)
	}
	if err == nil && to.resource.Stored != nil {
		kept, err = to.resource.Stored.From(context.Background(), kept)
	}
	if err != nil {
		return nil, fmt.Errorf("convert %s from %s to %s: %w", to.resource.Plural,
			from.resource.GroupVersion(), to.resource.GroupVersion(), err)
	}
	kept.GetObjectKind().SetGroupVersionKind(to.resource.GroupVersionKind)
	return kept, nil
}

package match

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// A Form is the version in which a rule has matched an object.
type Form struct {
	// Resource is the one that the rule names.
	Resource *api.Resource
	// Kind is that of the objects in this form: the resource's, or a
	// subresource's own.
	Kind schema.GroupVersionKind

	own *api.Resource // the one that the request names
}

func itself(a *apiserver.Admission) *Form {
	return &Form{Resource: a.Resource, Kind: a.Kind, own: a.Resource}
}

func formOf(a *apiserver.Admission, other *api.Resource) *Form {
	form := &Form{Resource: other, Kind: other.GroupVersionKind, own: a.Resource}
	if a.Kind != a.Resource.GroupVersionKind {
		form.Kind = a.Kind // such as a Scale, which is the same for all
	}
	return form
}

// same says that there is nothing to convert.
func (f *Form) same() bool { return f.Resource == f.own || f.Kind != f.Resource.GroupVersionKind }

// Show returns an object of the request in this form; it may be the object
// itself, which must not be changed. Nil stays nil.
func (f *Form) Show(ctx context.Context, obj api.Object) (api.Object, error) {
	if obj == nil || f.same() {
		return obj, nil
	}
	return convert(ctx, obj, f.own, f.Resource)
}

// Back returns an object of this form as one of the request.
func (f *Form) Back(ctx context.Context, obj api.Object) (api.Object, error) {
	if f.same() {
		return obj, nil
	}
	return convert(ctx, obj, f.Resource, f.own)
}

// New returns an empty object of this form.
func (f *Form) New(like api.Object) api.Object {
	if f.Kind == f.Resource.GroupVersionKind {
		return f.Resource.New()
	}
	empty, err := api.Scheme().New(f.Kind)
	if obj, ok := empty.(api.Object); err == nil && ok {
		return obj
	}
	return like.DeepCopyObject().(api.Object)
}

// convert brings an object from one version into another, by way of the form
// in which both are stored. It does not change obj.
func convert(ctx context.Context, obj api.Object, from, to *api.Resource) (api.Object, error) {
	converted, err := api.Clone(obj), error(nil)
	if from.Stored != nil {
		converted, err = from.Stored.To(ctx, converted)
	}
	if err == nil && to.Stored != nil {
		converted, err = to.Stored.From(ctx, converted)
	}
	if err != nil {
		return nil, fmt.Errorf("convert %s from %s to %s: %w", from.Plural, from.GroupVersion(), to.GroupVersion(), err)
	}
	converted.GetObjectKind().SetGroupVersionKind(to.GroupVersionKind)
	if to.Default != nil {
		to.Default(converted)
	}
	return converted, nil
}

// Inputs returns what expressions see of a request in this form, but for its
// namespace, parameters and authorizer.
func (f *Form) Inputs(ctx context.Context, a *apiserver.Admission) (in cel.Inputs, err error) {
	obj, err := f.Show(ctx, a.Object)
	if err != nil {
		return in, err
	}
	old, err := f.Show(ctx, a.Old)
	if err != nil {
		return in, err
	}
	if obj != nil {
		in.Object, err = cel.Plain(obj, f.Kind)
	} else if a.Operation == apiserver.Connect && a.Options != nil {
		in.Object, err = cel.Plain(a.Options, f.Kind)
	}
	if err == nil && old != nil {
		in.OldObject, err = cel.Plain(old, f.Kind)
	}
	in.Request = cel.Request(a, f.Resource.GroupVersionResource(), f.Kind)
	return in, err
}

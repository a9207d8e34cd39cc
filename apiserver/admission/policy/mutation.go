package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	kubemutation "k8s.io/apiserver/pkg/cel/mutation"
	"k8s.io/apiserver/pkg/cel/mutation/dynamic"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
	"github.com/coracle-k8s/coracle/apiserver/apply"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// mutate evaluates one mutation and puts what it makes of the object in its
// place. An error that is an API status refuses the request whatever the failure
// policy.
func (m mutating) mutate(ctx context.Context, a *apiserver.Admission, u *use, mutation *mutation) error {
	in, err := m.inputs(ctx, a, u.form)
	if err == nil {
		in.Params, err = u.param.plain()
	}
	if err != nil {
		return err
	}
	value, err := mutation.formula.eval(u.compiler.Run(ctx, in, cel.Budget))
	if err != nil {
		return err
	}
	shown, err := u.form.Show(ctx, a.Object)
	if err != nil {
		return err
	}
	var changed api.Object
	if mutation.patch {
		changed, err = patched(ctx, u, shown, value)
	} else {
		changed, err = m.merged(u, shown, value)
	}
	if err != nil || changed == nil {
		return err
	}
	obj, err := u.form.Back(ctx, changed)
	if err != nil {
		return err
	}
	a.Replace(obj)
	return nil
}

// patched applies a JSON patch. One whose test fails changes nothing, which is
// no error.
func patched(ctx context.Context, u *use, obj api.Object, value any) (api.Object, error) {
	patch, err := patchOf(value)
	if err != nil {
		return nil, err
	}
	changed, strict, err := u.form.Patch(ctx, obj, patch)
	switch {
	case errors.Is(err, jsonpatch.ErrTestFailed):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("JSON Patch: %w", err)
	case len(strict) > 0:
		return nil, apierrors.NewInternalError(api.StrictError(strict))
	}
	return changed, nil
}

// patchOf makes a patch of the list that an expression yields.
func patchOf(value any) (jsonpatch.Patch, error) {
	list, ok := value.(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("type mismatch: JSONPatchType.expression should evaluate to array")
	}
	patch := jsonpatch.Patch{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		native, err := it.Next().ConvertToNative(reflect.TypeFor[*kubemutation.JSONPatchVal]())
		if err != nil {
			return nil, fmt.Errorf("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch: %w", err)
		}
		operation, err := operationOf(native.(*kubemutation.JSONPatchVal))
		if err != nil {
			return nil, err
		}
		patch = append(patch, operation)
	}
	return patch, nil
}

func operationOf(v *kubemutation.JSONPatchVal) (jsonpatch.Operation, error) {
	operation := jsonpatch.Operation{}
	set := func(name string, value any) error {
		data, err := json.Marshal(value)
		operation[name] = (*json.RawMessage)(&data)
		return err
	}
	err := errors.Join(set("op", v.Op), set("path", v.Path))
	if v.From != "" {
		err = errors.Join(err, set("from", v.From))
	}
	if v.Val == nil || err != nil {
		return operation, err
	}
	value, err := plainValue(v.Val)
	if err != nil {
		return nil, err
	}
	return operation, set("value", value)
}

// plainValue is a value as JSON has it.
func plainValue(v ref.Val) (any, error) {
	if obj, ok := v.(*dynamic.ObjectVal); ok {
		if err := obj.CheckTypeNamesMatchFieldPathNames(); err != nil {
			return nil, fmt.Errorf("type mismatch: %w", err)
		}
	}
	plain, err := v.ConvertToNative(reflect.TypeFor[*structpb.Value]())
	if err != nil {
		return nil, fmt.Errorf("JSONPath valueExpression evaluated to a type that could not marshal to JSON: %w", err)
	}
	return plain, nil
}

// merged merges the fields that an expression yields into the object, as if they
// were applied.
func (m mutating) merged(u *use, obj api.Object, value any) (api.Object, error) {
	piece, ok := value.(*dynamic.ObjectVal)
	if !ok {
		return nil, fmt.Errorf("unsupported return type from ApplyConfiguration expression: %T", value)
	}
	if err := piece.CheckTypeNamesMatchFieldPathNames(); err != nil {
		return nil, fmt.Errorf("type mismatch: %w", err)
	}
	fields, ok := piece.Value().(map[string]any)
	if !ok {
		return nil, fmt.Errorf("invalid return type: %T", piece.Value())
	}
	return m.mergers.of(u.form, obj).Merge(obj, fields)
}

// mergers are those of the kinds that policies have changed.
type mergers struct{ made sync.Map } // GroupVersionKind to merger

type merger struct {
	*apply.Merger
	of *api.Resource
}

// of returns the merger for an object in a form. A custom kind can become
// another resource while the server runs.
func (m *mergers) of(form *match.Form, obj api.Object) *apply.Merger {
	if made, ok := m.made.Load(form.Kind); ok && made.(merger).of == form.Resource {
		return made.(merger).Merger
	}
	r := form.Resource
	if form.Kind != r.GroupVersionKind { // a subresource's own kind
		r = &api.Resource{GroupVersionKind: form.Kind, Plural: r.Plural, New: func() api.Object { return form.New(obj) }}
	}
	made := merger{apply.NewMerger(r), form.Resource}
	m.made.Store(form.Kind, made)
	return made.Merger
}

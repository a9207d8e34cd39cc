package apiserver

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// patchAttempts is how often a patch is applied anew when somebody else wrote the
// object meanwhile.
const patchAttempts = 5

// patch changes what a view shows of an object. The patch is applied to the
// newest state, again when that has changed meanwhile, so unlike an update it
// cannot conflict, unless it names a resourceVersion itself.
func (q *request) patch(v *view) error {
	if q.info.Name == "" {
		return noSuchMethod()
	}
	mediaType, err := bodyType(q.Request)
	if err != nil {
		return err
	}
	data, err := readBody(q.Request)
	if err != nil {
		return err
	}
	if err := checkPatch(q.URL.Query(), q.options, types.PatchType(mediaType)); err != nil {
		return err
	}
	q.trail.patched(data)
	if types.PatchType(mediaType) == types.ApplyPatchType {
		return q.apply(v, data)
	}
	patch, err := q.patcher(v, types.PatchType(mediaType), data)
	if err != nil {
		return err
	}
	attempts := 0
	obj, err := q.change(v, func(old api.Object) (api.Object, error) {
		if attempts++; attempts > patchAttempts {
			return nil, conflictError(q.resource, q.info.Name)
		}
		return q.applyPatch(v, patch, old, mentionsManagers(data))
	})
	if err != nil {
		return storeError(q.resource, q.info.Name, err)
	}
	return q.answerStored(http.StatusOK, v, obj)
}

// mentionsManagers says whether a patch may be about managedFields. That is
// rare, and they are long; a patch that does not see them does not change them.
func mentionsManagers(patch []byte) bool {
	return bytes.Contains(patch, []byte("managedFields")) || bytes.Contains(patch, []byte(`\u`))
}

// applyPatch makes the object that the client wants of the one that there is.
func (q *request) applyPatch(v *view, patch *patcher, old api.Object, managers bool) (api.Object, error) {
	want := v.empty()
	refuse := func(err error) error { return q.invalidPatch(v, patch, old, err) }
	strict, err := q.patchInto(want, v, patch, q.patchable(v, patch, old, managers), refuse)
	if err != nil {
		return nil, err
	}
	if err := q.judgeFields(slices.Concat(patch.findings, strict), refuse); err != nil {
		return nil, err
	}
	if err := checkName(want, q.info.Name); err != nil {
		return nil, err
	}
	return want, placeInNamespace(q.resource, want, q.info.Namespace)
}

// patchable is what the patch is applied to: the object as the path shows it.
// What the patch cannot be about is left out, as it is most of a pod when a
// kubelet writes its status.
func (q *request) patchable(v *view, patch *patcher, old api.Object, managers bool) api.Object {
	shown := q.whole(v, old)
	if v.name == "status" && patch.isAbout("status", "metadata", "apiVersion", "kind") {
		shown = statusOnly(q.resource, shown)
	}
	if !managers {
		shown.SetManagedFields(nil)
	}
	return shown
}

// whole is an object as a path shows it, and says what kind it is.
func (q *request) whole(v *view, old api.Object) api.Object {
	shown := shallowCopy(v.show(old))
	shown.GetObjectKind().SetGroupVersionKind(v.kind)
	return shown
}

// statusOnly returns an object without what its status does not need, if it has a
// Go type. It shares memory with obj.
func statusOnly(r *api.Resource, obj api.Object) api.Object {
	from, ok := obj.(metav1.ObjectMetaAccessor)
	if !ok {
		return obj
	}
	only := r.New()
	into := only.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
	*into = *from.GetObjectMeta().(*metav1.ObjectMeta)
	only.GetObjectKind().SetGroupVersionKind(obj.GetObjectKind().GroupVersionKind())
	r.CopyStatus(only, obj)
	return only
}

// patchInto applies a patch to an object, reads the outcome into want and returns
// what is strange about its fields. What is no object of the kind it refuses.
func (q *request) patchInto(want api.Object, v *view, patch *patcher, old api.Object, refuse func(error) error) ([]error, error) {
	if patch.fields != nil {
		return q.patchFieldsInto(want, patch, old, refuse)
	}
	patched, err := q.patched(patch, old)
	if err != nil {
		return nil, err
	}
	found, err := q.server.storage.codec.Decode(patched, api.JSON, v.kind, want)
	if err == nil && found.Object != want {
		err = noConversion(found.Object, v.kind)
	}
	if err == nil {
		found.Strict, err = q.prune(want, found.Strict)
	}
	if err != nil {
		return nil, refuse(err)
	}
	return found.Strict, nil
}

// patchFieldsInto is patchInto for a patch that needs no JSON.
func (q *request) patchFieldsInto(want api.Object, patch *patcher, old api.Object, refuse func(error) error) ([]error, error) {
	original, err := runtime.DefaultUnstructuredConverter.ToUnstructured(old)
	if err != nil {
		return nil, fmt.Errorf("patch %s %s: %w", q.resource.Plural, old.GetName(), err)
	}
	patched, err := patch.fields(original)
	if err != nil {
		return nil, err
	}
	err = runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(patched, want, true)
	if findings, ok := runtime.AsStrictDecodingError(err); ok {
		return findings.Errors(), nil
	}
	if err != nil {
		return nil, refuse(err)
	}
	return nil, nil
}

// patched is the JSON form of a patched object.
func (q *request) patched(patch *patcher, old api.Object) ([]byte, error) {
	original, err := q.server.storage.codec.EncodeBytes(old, api.JSON)
	if err != nil {
		return nil, err
	}
	return patch.json(original)
}

// invalidPatch refuses a patch that makes no object of the kind. It shows the
// patch, or what became of the object.
func (q *request) invalidPatch(v *view, patch *patcher, old api.Object, cause error) error {
	var said string
	if patch.said != nil {
		said = patch.said()
	} else {
		whole, err := q.patched(patch, q.whole(v, old))
		if err != nil {
			return err
		}
		said = string(whole)
	}
	return apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), said, cause.Error())})
}

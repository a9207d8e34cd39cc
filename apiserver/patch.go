package apiserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	strictjson "sigs.k8s.io/json"

	"github.com/coracle-k8s/coracle/api"
)

const (
	// maxPatchOperations bounds a JSON patch, as in Kubernetes.
	maxPatchOperations = 10_000
	// patchAttempts is how often a patch is applied anew when somebody else
	// wrote the object meanwhile.
	patchAttempts = 5
)

// A patcher applies a patch to an object's JSON form.
type patcher struct {
	apply func(original []byte) ([]byte, error)
	// said is the patch as errors show it; empty to show the patched object.
	said string
	// findings are what is strange about the patch itself.
	findings []error
}

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

// applyPatch turns an object into JSON, patches it and reads it back.
func (q *request) applyPatch(v *view, patch *patcher, old api.Object, managers bool) (api.Object, error) {
	patched, err := q.patched(v, patch, old, managers)
	if err != nil {
		return nil, err
	}
	want := v.empty()
	refuse := func(err error) error { return q.invalidPatch(v, patch, old, err) }
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
	if err := q.judgeFields(slices.Concat(patch.findings, found.Strict), refuse); err != nil {
		return nil, err
	}
	if err := checkName(want, q.info.Name); err != nil {
		return nil, err
	}
	return want, placeInNamespace(q.resource, want, q.info.Namespace)
}

// patched is the JSON form of a patched object.
func (q *request) patched(v *view, patch *patcher, old api.Object, managers bool) ([]byte, error) {
	shown := shallowCopy(v.show(old))
	shown.GetObjectKind().SetGroupVersionKind(v.kind)
	if !managers {
		shown.SetManagedFields(nil)
	}
	original, err := q.server.storage.codec.EncodeBytes(shown, api.JSON)
	if err != nil {
		return nil, err
	}
	return patch.apply(original)
}

// invalidPatch refuses a patch that makes no object of the kind. It shows the
// patch, or what became of the object.
func (q *request) invalidPatch(v *view, patch *patcher, old api.Object, cause error) error {
	said := patch.said
	if said == "" {
		whole, err := q.patched(v, patch, old, true)
		if err != nil {
			return err
		}
		said = string(whole)
	}
	return apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), said, cause.Error())})
}

// patcher reads a patch of a type.
func (q *request) patcher(v *view, kind types.PatchType, data []byte) (*patcher, error) {
	custom := isCustom(q.resource) && v.name != "scale"
	switch {
	case kind == types.JSONPatchType:
		return jsonPatcher(data)
	case kind == types.MergePatchType:
		return mergePatcher(data)
	case kind == types.StrategicMergePatchType && !custom:
		return strategicPatcher(data, v.empty())
	default:
		return nil, unsupportedPatch()
	}
}

// errBadPatch refuses what is no JSON.
func errBadPatch() error { return apierrors.NewBadRequest("invalid JSON patch") }

// jsonPatcher is RFC 6902: a list of operations.
func jsonPatcher(data []byte) (*patcher, error) {
	if !json.Valid(data) {
		return nil, errBadPatch()
	}
	patch, err := jsonpatch.DecodePatch(data)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding patch: %v", err))
	}
	if len(patch) > maxPatchOperations {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf(
			"The allowed maximum operations in a JSON patch is %d, got %d", maxPatchOperations, len(patch)))
	}
	return &patcher{apply: func(original []byte) ([]byte, error) {
		patched, err := patch.Apply(original)
		if err != nil {
			return nil, plainError(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid,
				"the server rejected our request due to an error in our request")
		}
		return patched, nil
	}}, nil
}

// mergePatcher is RFC 7386: an object whose fields replace, and whose nulls
// remove.
func mergePatcher(data []byte) (*patcher, error) {
	_, findings, err := readFields(data)
	if err != nil {
		return nil, err
	}
	return &patcher{findings: findings, apply: func(original []byte) ([]byte, error) {
		patched, err := jsonpatch.MergePatch(original, data)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return patched, nil
	}}, nil
}

// readFields reads a patch that is an object, and says which of its fields are
// there twice.
func readFields(data []byte) (map[string]any, []error, error) {
	if !json.Valid(data) {
		return nil, nil, errBadPatch()
	}
	var fields map[string]any
	findings, err := strictjson.UnmarshalStrict(data, &fields)
	if err != nil {
		return nil, nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding patch: %v", err))
	}
	return fields, findings, nil
}

// strategicPatcher is Kubernetes' own merge patch, which knows from tags on the
// Go type which lists are merged, and by which key.
func strategicPatcher(data []byte, example any) (*patcher, error) {
	fields, findings, err := readFields(data)
	if err != nil {
		return nil, err
	}
	return &patcher{said: fmt.Sprintf("%+v", fields), findings: findings, apply: func(original []byte) ([]byte, error) {
		patched, err := strategicpatch.StrategicMergePatch(original, data, example)
		switch {
		case err == nil:
			return patched, nil
		case errors.Is(err, mergepatch.ErrBadJSONDoc), errors.Is(err, mergepatch.ErrBadPatchFormatForPrimitiveList),
			errors.Is(err, mergepatch.ErrBadPatchFormatForRetainKeys), errors.Is(err, mergepatch.ErrBadPatchFormatForSetElementOrderList),
			errors.Is(err, mergepatch.ErrUnsupportedStrategicMergePatchFormat):
			return nil, apierrors.NewBadRequest(err.Error())
		default:
			return nil, statusError(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "%v", err)
		}
	}}, nil
}

package apiserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

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
type patcher func(original []byte) ([]byte, error)

// patch changes what a view shows of an object. The patch is applied to the
// newest state, again when that has changed meanwhile, so unlike an update it
// cannot conflict, unless it names a resourceVersion itself.
func (q *request) patch(v *view) error {
	if q.info.Name == "" {
		return q.methodNotAllowed()
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
	apply, err := q.patcher(v, types.PatchType(mediaType), data)
	if err != nil {
		return err
	}
	attempts := 0
	obj, err := q.change(v, func(old api.Object) (api.Object, error) {
		if attempts++; attempts > patchAttempts {
			return nil, conflictError(q.resource, q.info.Name)
		}
		return q.applyPatch(v, apply, old, mentionsManagers(data))
	})
	if err != nil {
		return storeError(q.resource, q.info.Name, err)
	}
	return q.answer(http.StatusOK, v.show(obj))
}

// mentionsManagers says whether a patch may be about managedFields. That is
// rare, and they are long; a patch that does not see them does not change them.
func mentionsManagers(patch []byte) bool {
	return bytes.Contains(patch, []byte("managedFields")) || bytes.Contains(patch, []byte(`\u`))
}

// applyPatch turns an object into JSON, patches it and reads it back.
func (q *request) applyPatch(v *view, apply patcher, old api.Object, managers bool) (api.Object, error) {
	shown := shallowCopy(v.show(old))
	shown.GetObjectKind().SetGroupVersionKind(v.kind)
	if !managers {
		shown.SetManagedFields(nil)
	}
	original, err := q.server.storage.codec.EncodeBytes(shown, api.JSON)
	if err != nil {
		return nil, err
	}
	patched, err := apply(original)
	if err != nil {
		return nil, err
	}
	want := v.empty()
	if err := q.decodeData(patched, api.JSON, v.kind, want); err != nil {
		return nil, err
	}
	if err := checkName(want, q.info.Name); err != nil {
		return nil, err
	}
	return want, placeInNamespace(q.resource, want, q.info.Namespace)
}

// patcher reads a patch of a type.
func (q *request) patcher(v *view, kind types.PatchType, data []byte) (patcher, error) {
	example := v.empty()
	custom := isCustom(q.resource) && v.name != "scale"
	switch {
	case kind == types.JSONPatchType:
		return jsonPatcher(data)
	case kind == types.MergePatchType:
		return mergePatcher(data)
	case kind == types.StrategicMergePatchType && !custom:
		return strategicPatcher(data, example)
	default:
		return nil, unsupportedBody(patchTypes(custom))
	}
}

func patchTypes(custom bool) string {
	text := fmt.Sprintf("%s, %s", types.JSONPatchType, types.MergePatchType)
	if !custom {
		text = fmt.Sprintf("%s, %s", text, types.StrategicMergePatchType)
	}
	return fmt.Sprintf("%s, %s", text, types.ApplyPatchType)
}

// jsonPatcher is RFC 6902: a list of operations.
func jsonPatcher(data []byte) (patcher, error) {
	patch, err := jsonpatch.DecodePatch(data)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding patch: %v", err))
	}
	if len(patch) > maxPatchOperations {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf(
			"The allowed maximum operations in a JSON patch is %d, got %d", maxPatchOperations, len(patch)))
	}
	return func(original []byte) ([]byte, error) {
		patched, err := patch.Apply(original)
		if err != nil {
			return nil, statusError(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid,
				"the server rejected our request due to an error in our request: %v", err)
		}
		return patched, nil
	}, nil
}

// mergePatcher is RFC 7386: an object whose fields replace, and whose nulls
// remove.
func mergePatcher(data []byte) (patcher, error) {
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding patch: %v", err))
	}
	return func(original []byte) ([]byte, error) {
		patched, err := jsonpatch.MergePatch(original, data)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return patched, nil
	}, nil
}

// strategicPatcher is Kubernetes' own merge patch, which knows from tags on the
// Go type which lists are merged, and by which key.
func strategicPatcher(data []byte, example any) (patcher, error) {
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding patch: %v", err))
	}
	return func(original []byte) ([]byte, error) {
		patched, err := strategicpatch.StrategicMergePatch(original, data, example)
		switch {
		case err == nil:
			return patched, nil
		case errors.Is(err, mergepatch.ErrBadJSONDoc), errors.Is(err, mergepatch.ErrBadPatchFormatForPrimitiveList),
			errors.Is(err, mergepatch.ErrBadPatchFormatForRetainKeys), errors.Is(err, mergepatch.ErrBadPatchFormatForSetElementOrderList),
			errors.Is(err, mergepatch.ErrUnsupportedStrategicMergePatchFormat):
			return nil, apierrors.NewBadRequest(err.Error())
		default:
			return nil, statusError(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "cannot apply the patch: %v", err)
		}
	}, nil
}

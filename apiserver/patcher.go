package apiserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	strictjson "sigs.k8s.io/json"
)

// maxPatchOperations bounds a JSON patch, as in Kubernetes.
const maxPatchOperations = 10_000

// A patcher is a patch that has been read. It applies itself to an object's JSON
// form or to its fields; one of the two is nil.
type patcher struct {
	json   func(original []byte) ([]byte, error)
	fields func(original map[string]any) (map[string]any, error)
	// about are the top-level fields that it can change; nil is all.
	about []string
	// said is the patch as errors show it; nil to show the patched object.
	said func() string
	// findings are what is strange about the patch itself.
	findings []error
}

// isAbout says whether the patch can change nothing but some top-level fields.
func (p *patcher) isAbout(fields ...string) bool {
	return p.about != nil && !slices.ContainsFunc(p.about, func(name string) bool { return !slices.Contains(fields, name) })
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
	case kind == types.StrategicMergePatchType:
		return nil, unsupportedBody(fmt.Sprintf("%s, %s, %s", types.JSONPatchType, types.MergePatchType, types.ApplyPatchType))
	default:
		return nil, unsupportedPatch()
	}
}

// errBadPatch refuses what is no JSON.
func errBadPatch() error { return apierrors.NewBadRequest("invalid JSON patch") }

// badPatchContent refuses a patch that cannot be applied.
func badPatchContent() error {
	return plainError(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid,
		"the server rejected our request due to an error in our request")
}

// jsonPatcher is RFC 6902: a list of operations.
func jsonPatcher(data []byte) (*patcher, error) {
	if !json.Valid(data) {
		return nil, errBadPatch()
	}
	patch, err := jsonpatch.DecodePatch(data)
	if err != nil {
		// Clients know the type by Kubernetes' name for it.
		said := strings.Replace(err.Error(), "jsonpatch.Patch", "[]handlers.jsonPatchOp", 1)
		return nil, apierrors.NewBadRequest("error decoding patch: " + said)
	}
	if len(patch) > maxPatchOperations {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf(
			"The allowed maximum operations in a JSON patch is %d, got %d", maxPatchOperations, len(patch)))
	}
	return &patcher{json: func(original []byte) ([]byte, error) {
		patched, err := patch.Apply(original)
		if err != nil {
			return nil, badPatchContent()
		}
		return patched, nil
	}}, nil
}

// mergePatcher is RFC 7386: an object whose fields replace, and whose nulls
// remove.
func mergePatcher(data []byte) (*patcher, error) {
	fields, findings, err := readFields(data)
	if err != nil && apierrors.ReasonForError(err) == metav1.StatusReasonUnknown {
		err = apierrors.NewBadRequest(fmt.Sprintf("error decoding patch: %v", err))
	}
	if err != nil {
		return nil, err
	}
	return &patcher{about: keysOf(fields), findings: findings, json: func(original []byte) ([]byte, error) {
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
	return fields, findings, err
}

// strategicPatcher is Kubernetes' own merge patch, which knows from tags on the
// Go type which lists are merged, and by which key.
func strategicPatcher(data []byte, example any) (*patcher, error) {
	fields, findings, err := readFields(data)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	apply := func(original map[string]any) (map[string]any, error) {
		// The merge takes the patch apart, which may be applied again.
		patched, err := strategicpatch.StrategicMergeMapPatch(original, runtime.DeepCopyJSON(fields), example)
		switch {
		case err == nil:
			return patched, nil
		case errors.Is(err, mergepatch.ErrBadJSONDoc), errors.Is(err, mergepatch.ErrBadPatchFormatForPrimitiveList),
			errors.Is(err, mergepatch.ErrBadPatchFormatForRetainKeys), errors.Is(err, mergepatch.ErrBadPatchFormatForSetElementOrderList),
			errors.Is(err, mergepatch.ErrUnsupportedStrategicMergePatchFormat):
			return nil, apierrors.NewBadRequest(err.Error())
		case errors.Is(err, mergepatch.ErrNoListOfLists), errors.Is(err, mergepatch.ErrPatchContentNotMatchRetainKeys):
			return nil, badPatchContent()
		default:
			return nil, statusError(http.StatusInternalServerError, "", "%v", err)
		}
	}
	said := func() string { return fmt.Sprintf("%+v", fields) }
	return &patcher{about: keysOf(fields), said: said, findings: findings, fields: apply}, nil
}

// keysOf returns the top-level fields of a merge patch.
func keysOf(fields map[string]any) []string { return slices.Collect(maps.Keys(fields)) }

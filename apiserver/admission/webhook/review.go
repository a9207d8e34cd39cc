package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// The versions of AdmissionReview that we speak. They differ in their name, and in
// how closely an answer is checked.
var versions = []string{"v1", "v1beta1"}

// newReview writes the question to a webhook.
func newReview(a *apiserver.Admission, h *webhook, form *match.Form, obj, old api.Object) (*admissionv1.AdmissionReview, error) {
	i := slices.IndexFunc(h.AdmissionReviewVersions, func(v string) bool { return slices.Contains(versions, v) })
	if i < 0 {
		return nil, errors.New("webhook does not accept known AdmissionReview versions (v1, v1beta1)")
	}
	review := &admissionv1.AdmissionReview{Request: &admissionv1.AdmissionRequest{
		UID:                uuid.NewUUID(),
		Kind:               metav1.GroupVersionKind(form.Kind),
		Resource:           metav1.GroupVersionResource(form.Resource.GroupVersionResource()),
		SubResource:        a.Subresource,
		RequestKind:        (*metav1.GroupVersionKind)(&a.Kind),
		RequestResource:    new(metav1.GroupVersionResource(a.Resource.GroupVersionResource())),
		RequestSubResource: a.Subresource,
		Name:               a.Name,
		Namespace:          a.Namespace,
		Operation:          admissionv1.Operation(a.Operation),
		UserInfo:           a.User.Info(),
		DryRun:             &a.DryRun,
	}}
	review.SetGroupVersionKind(schema.GroupVersionKind{
		Group: "admission.k8s.io", Version: h.AdmissionReviewVersions[i], Kind: "AdmissionReview",
	})
	return review, fill(review.Request, a, form, obj, old)
}

// fill adds the objects. For a CONNECT, the object is the stream's options.
func fill(r *admissionv1.AdmissionRequest, a *apiserver.Admission, form *match.Form, obj, old api.Object) (err error) {
	if r.Object.Raw, err = encode(obj, form); err != nil {
		return err
	}
	if r.OldObject.Raw, err = encode(old, form); err != nil {
		return err
	}
	if a.Options == nil {
		return nil
	}
	options, err := encodeAs(a.Options, cel.OptionsKind(a.Options))
	if a.Operation == apiserver.Connect {
		r.Object.Raw = options
	} else {
		r.Options.Raw = options
	}
	return err
}

// encodeAs writes an object as JSON of the kind, without changing it.
func encodeAs(obj runtime.Object, kind schema.GroupVersionKind) (json.RawMessage, error) {
	plain, err := cel.Plain(obj, kind)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// checkReview returns the response in a webhook's answer, if it is one to the
// question.
func checkReview(question, answer *admissionv1.AdmissionReview, mutating bool) (*admissionv1.AdmissionResponse, error) {
	r := answer.Response
	if r == nil {
		return nil, errors.New("webhook response was absent")
	}
	if question.GroupVersionKind().Version == "v1beta1" {
		return checkOldReview(r, mutating), nil
	}
	switch {
	case r.UID != question.Request.UID:
		return nil, fmt.Errorf("expected response.uid=%q, got %q", question.Request.UID, r.UID)
	case answer.GroupVersionKind() != question.GroupVersionKind():
		return nil, fmt.Errorf("expected webhook response of %v, got %v", question.GroupVersionKind(), answer.GroupVersionKind())
	case !mutating && len(r.Patch) > 0:
		return nil, errors.New("validating webhook may not return response.patch")
	case !mutating && r.PatchType != nil:
		return nil, errors.New("validating webhook may not return response.patchType")
	case len(r.Patch) > 0 && r.PatchType == nil:
		return nil, errors.New("webhook returned response.patch but not response.patchType")
	case len(r.Patch) == 0 && r.PatchType != nil:
		return nil, errors.New("webhook returned response.patchType but not response.patch")
	case r.PatchType != nil && *r.PatchType == "":
		return nil, fmt.Errorf("webhook returned invalid response.patchType of %q", *r.PatchType)
	}
	return r, nil
}

// checkOldReview takes a v1beta1 answer as it is. There is one type of patch.
func checkOldReview(r *admissionv1.AdmissionResponse, mutating bool) *admissionv1.AdmissionResponse {
	json := admissionv1.PatchTypeJSONPatch
	r.PatchType = &json
	if !mutating || len(r.Patch) == 0 {
		r.Patch, r.PatchType = nil, nil
	}
	return r
}

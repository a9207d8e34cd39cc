package body

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// Limit is the most bytes that a request may have, as in Kubernetes.
const Limit = 3 << 20

// Read decodes the request's object into the given one. The errors are API
// statuses: 400 for what cannot be parsed or is another kind, 413, 415. An
// empty body leaves the object as it is.
func Read(r *http.Request, into runtime.Object) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, Limit+1))
	if err != nil {
		return apierrors.NewBadRequest("cannot read the request's body: " + err.Error())
	}
	if len(data) > Limit {
		return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", Limit))
	}
	if len(data) == 0 {
		return nil
	}
	mediaType := api.JSON
	if header := r.Header.Get("Content-Type"); header != "" {
		if mediaType, _, err = mime.ParseMediaType(header); err != nil {
			return apierrors.NewBadRequest("cannot parse Content-Type: " + err.Error())
		}
	}
	if !api.Codecs().Supports(mediaType) {
		return statusError(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType,
			fmt.Sprintf("the body of the request was in an unknown format - accepted media types include: %s, %s, %s",
				api.JSON, api.YAML, api.Protobuf))
	}
	kind, err := api.KindOf(into)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	found, err := api.Codecs().Decode(data, mediaType, kind, into)
	switch {
	case err != nil && found.Kind.Kind != "":
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", found.Kind.Kind, found.Kind.Version, kind.Kind, err))
	case err != nil:
		return apierrors.NewBadRequest(err.Error())
	case found.Object != into:
		return apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized: want %s, got %s", kind, found.Kind))
	case r.URL.Query().Get("fieldValidation") == metav1.FieldValidationStrict && len(found.Strict) > 0:
		return apierrors.NewBadRequest(api.StrictError(found.Strict).Error())
	}
	return nil
}

// Write answers with an object, in the first format of the request's Accept
// header that codec knows, or JSON.
func Write(w http.ResponseWriter, r *http.Request, codec *api.Codec, code int, obj runtime.Object) error {
	mediaType := accepted(r, codec)
	data, err := codec.EncodeBytes(obj, mediaType)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	if server, ok := w.(interface{ Answered(obj runtime.Object) }); ok {
		server.Answered(obj) // for the audit log
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(code)
	_, err = w.Write(data)
	return err
}

// WriteError answers with an error as a Status.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	status := Status(err)
	if err := Write(w, r, api.Codecs(), int(status.Code), status); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// Status returns an error's API status; an error that has none is internal.
func Status(err error) *metav1.Status {
	known, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		known = apierrors.NewInternalError(err)
	}
	return &known.ErrStatus
}

func accepted(r *http.Request, codec *api.Codec) string {
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			mediaType, params, err := mime.ParseMediaType(strings.TrimSpace(part))
			if err == nil && params["as"] == "" && codec.Supports(mediaType) {
				return mediaType
			}
		}
	}
	return api.JSON
}

func statusError(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	}}
}

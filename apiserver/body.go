package apiserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// MaxBodyBytes is the largest request body the server reads: 3 MiB, as in
// Kubernetes.
const MaxBodyBytes = 3 << 20

// readBody returns the request's body.
func readBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, MaxBodyBytes+1))
	switch {
	case err != nil:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("cannot read the body of the request: %v", err))
	case len(data) > MaxBodyBytes:
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", MaxBodyBytes))
	}
	return data, nil
}

// decodeObject reads the object in the request's body, which must be of the
// kind. What a careful decoder finds, such as an unknown field, ends the
// request, warns, or is ignored, as the client wants it.
func (q *request) decodeObject(kind schema.GroupVersionKind, into runtime.Object) error {
	mediaType, err := bodyType(q.Request)
	if err != nil {
		return err
	}
	if !q.server.storage.codec.Supports(mediaType) {
		return unsupportedBody(fmt.Sprintf("%s, %s, %s", api.JSON, api.YAML, api.Protobuf))
	}
	data, err := readBody(q.Request)
	if err != nil {
		return err
	}
	return q.decodeData(data, mediaType, kind, into)
}

// decodeData is decodeObject for bytes, such as the outcome of a patch.
func (q *request) decodeData(data []byte, mediaType string, kind schema.GroupVersionKind, into runtime.Object) error {
	found, err := q.server.storage.codec.Decode(data, mediaType, kind, into)
	if err != nil {
		return decodeError(kind, found.Kind, err)
	}
	switch {
	case found.Kind.GroupVersion() != kind.GroupVersion():
		return apierrors.NewBadRequest(fmt.Sprintf("the API version in the data (%s) does not match the expected API version (%s)",
			found.Kind.GroupVersion(), kind.GroupVersion()))
	case found.Kind != kind || found.Object != into:
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s",
			found.Kind.Kind, found.Kind.GroupVersion(), kind.Kind))
	}
	return q.judgeFields(found.Strict)
}

func decodeError(want, found schema.GroupVersionKind, err error) error {
	if found.Kind == "" {
		found = want
	}
	switch {
	case runtime.IsNotRegisteredError(err), runtime.IsMissingKind(err), runtime.IsMissingVersion(err):
		return apierrors.NewBadRequest(err.Error())
	default:
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v",
			found.Kind, found.Version, want.Kind, err))
	}
}

// judgeFields acts on unknown and duplicate fields by the fieldValidation parameter.
func (q *request) judgeFields(findings []error) error {
	if len(findings) == 0 {
		return nil
	}
	switch q.options.fieldValidation {
	case metav1.FieldValidationIgnore:
	case metav1.FieldValidationStrict:
		return apierrors.NewBadRequest(api.StrictError(findings).Error())
	default:
		for _, finding := range findings {
			q.warn(finding.Error())
		}
	}
	return nil
}

// decodeOptions reads the DeleteOptions that a DELETE may carry as its body.
func (q *request) decodeOptions(into *metav1.DeleteOptions) error {
	data, err := readBody(q.Request)
	if err != nil || len(data) == 0 {
		return err
	}
	mediaType, err := bodyType(q.Request)
	if err != nil {
		return err
	}
	kind := metav1.SchemeGroupVersion.WithKind("DeleteOptions")
	kind.Group = ""
	found, err := q.server.storage.codec.Decode(data, mediaType, kind, into)
	if unsupported, ok := errors.AsType[*api.MediaTypeError](err); ok {
		return unsupportedBody(unsupported.MediaType)
	}
	if err != nil {
		return decodeError(kind, found.Kind, err)
	}
	if options, ok := found.Object.(*metav1.DeleteOptions); ok {
		*into = *options
		return nil
	}
	return apierrors.NewBadRequest(fmt.Sprintf("the body of a delete must be DeleteOptions, not %s", found.Kind))
}

// warn adds a Warning header (RFC 7234, section 5.5) for people to read.
func (q *request) warn(text string) {
	for _, given := range q.warnings {
		if given == text {
			return
		}
	}
	q.warnings = append(q.warnings, text)
	q.w.Header().Add("Warning", fmt.Sprintf("299 - %q", text))
}

var _ http.Handler = (*Server)(nil)

package apiserver

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

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
	accepted := []string{api.JSON, api.YAML, api.Protobuf}
	if _, custom := into.(*unstructured.Unstructured); custom {
		accepted = accepted[:2]
	}
	if !slices.Contains(accepted, mediaType) {
		return unsupportedBody(strings.Join(accepted, ", "))
	}
	data, err := readBody(q.Request)
	if err != nil {
		return err
	}
	return q.decodeData(data, mediaType, kind, into)
}

// decodeData is decodeObject for bytes.
func (q *request) decodeData(data []byte, mediaType string, kind schema.GroupVersionKind, into runtime.Object) error {
	findings, err := q.decode(data, mediaType, kind, into)
	if err != nil {
		return err
	}
	if err := q.judgeFields(findings, func(err error) error { return cannotHandle(kind, kind, err) }); err != nil {
		return err
	}
	q.requested(kind, into)
	return nil
}

// decode reads an object, which must be of the kind, and returns what a careful
// decoder found besides.
func (q *request) decode(data []byte, mediaType string, kind schema.GroupVersionKind, into runtime.Object) ([]error, error) {
	found, err := q.server.storage.codec.Decode(data, mediaType, kind, into)
	switch {
	case err != nil && found.Kind.Kind == "":
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized (must be of type %s): %v (%s)",
			kind.Kind, err, summary(data)))
	case err != nil:
		return nil, cannotHandle(kind, found.Kind, err)
	case found.Kind.GroupKind() == kind.GroupKind() && found.Kind.Version != kind.Version:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the API version in the data (%s) does not match the expected API version (%s)",
			found.Kind.GroupVersion(), kind.GroupVersion()))
	case found.Kind.GroupVersion() == kind.GroupVersion() && found.Kind != kind && isCustom(q.resource):
		name, _ := meta.NewAccessor().Name(found.Object) // empty where there is none
		return nil, apierrors.NewInvalid(found.Kind.GroupKind(), name, field.ErrorList{
			field.Invalid(field.NewPath("kind"), found.Kind.Kind, "must be "+kind.Kind)})
	case found.Kind != kind || found.Object != into:
		return nil, cannotHandle(kind, found.Kind, noConversion(found.Object, kind))
	}
	findings, err := q.prune(into, found.Strict)
	if err != nil {
		return nil, cannotHandle(kind, kind, err)
	}
	return findings, nil
}

// prune drops from an object without a Go type what its kind does not have, and
// adds that to what the decoder has found.
func (q *request) prune(into runtime.Object, findings []error) ([]error, error) {
	obj, ok := into.(*unstructured.Unstructured)
	if !ok || q.resource.Prune == nil {
		return findings, nil
	}
	dropped, err := q.resource.Prune(obj)
	if err != nil {
		return nil, err
	}
	for _, path := range dropped {
		findings = append(findings, fmt.Errorf("unknown field %q", path))
	}
	return findings, nil
}

// cannotHandle refuses data that names one kind where another is wanted, or that
// is none.
func cannotHandle(want, found schema.GroupVersionKind, err error) error {
	return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", found.Kind, found.Version, want.Kind, err))
}

// noConversion says what is wrong with an object of another kind, in the words of
// a server that would make its own form of it first.
func noConversion(obj runtime.Object, kind schema.GroupVersionKind) error {
	group, _, _ := strings.Cut(cmp.Or(kind.Group, "core"), ".")
	return fmt.Errorf("converting (%s) to (%s.%s): unknown conversion", strings.TrimPrefix(fmt.Sprintf("%T", obj), "*"), group, kind.Kind)
}

// summary is the beginning of a body, for an error: as text if it looks like
// JSON, else in hexadecimal.
func summary(data []byte) string {
	const most = 30
	begin, rest := data, ""
	if len(data) > most {
		begin, rest = data[:most], " ..."
	}
	switch {
	case len(data) == 0:
		return "<empty>"
	case data[0] == '{':
		return string(begin) + rest
	default:
		return hex.EncodeToString(begin) + rest
	}
}

// judgeFields acts on unknown and duplicate fields by the fieldValidation
// parameter. If it is strict, refuse makes the error.
func (q *request) judgeFields(findings []error, refuse func(error) error) error {
	if len(findings) == 0 {
		return nil
	}
	switch q.options.fieldValidation {
	case metav1.FieldValidationIgnore:
	case metav1.FieldValidationStrict:
		return refuse(api.StrictError(findings))
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
	if runtime.IsNotRegisteredError(err) && found.Kind.Kind == kind.Kind && mediaType != api.Protobuf {
		// client-go names the version of what it deletes, be it a custom one.
		found.Object, err = into, yaml.Unmarshal(data, into)
	}
	if err != nil {
		return cannotHandle(kind, cmp.Or(found.Kind, kind), err)
	}
	if options, ok := found.Object.(*metav1.DeleteOptions); ok {
		*into = *options
		q.requested(cmp.Or(found.Kind, kind), into)
		return nil
	}
	return apierrors.NewBadRequest(fmt.Sprintf("the body of a delete must be DeleteOptions, not %s", found.Kind))
}

var _ http.Handler = (*Server)(nil)

package apiserver

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/api"
)

// requested notes the object in the request's body: whose it is at every level,
// what is in it from level Request on.
func (q *request) requested(kind schema.GroupVersionKind, obj runtime.Object) {
	t := q.trail
	if t == nil {
		return
	}
	if meta, ok := obj.(metav1.Object); ok && t.event.ObjectRef != nil {
		ref := *t.event.ObjectRef
		fill(&ref.Namespace, meta.GetNamespace())
		fill(&ref.Name, meta.GetName())
		fill(&ref.UID, meta.GetUID())
		fill(&ref.ResourceVersion, meta.GetResourceVersion())
		t.event.ObjectRef = &ref
	}
	if !t.rule.includes(auditv1.LevelRequest) {
		return
	}
	shown := obj.DeepCopyObject()
	if whole, ok := shown.(api.Object); ok {
		if q.resource.Default != nil && kind == q.resource.GroupVersionKind {
			q.resource.Default(whole)
		}
		if t.rule.OmitManagedFields {
			whole.SetManagedFields(nil)
		}
	}
	shown.GetObjectKind().SetGroupVersionKind(kind)
	if data, err := q.server.storage.codec.EncodeBytes(shown, api.JSON); err == nil {
		t.event.RequestObject = unknown(data)
	}
}

func fill[T comparable](field *T, value T) {
	var none T
	if *field == none {
		*field = value
	}
}

// patched notes a patch, which is JSON or, for an apply, may be YAML.
func (t *trail) patched(patch []byte) {
	if t == nil || !t.rule.includes(auditv1.LevelRequest) {
		return
	}
	if data, err := yaml.YAMLToJSON(patch); err == nil && !json.Valid(patch) {
		patch = data
	}
	if json.Valid(patch) {
		t.event.RequestObject = unknown(patch)
	}
}

// answered notes a Status that is the answer.
func (t *trail) answered(obj runtime.Object) {
	status, ok := obj.(*metav1.Status)
	if t == nil || !ok {
		return
	}
	kept := metav1.Status{
		Status: status.Status, Message: status.Message, Reason: status.Reason, Details: status.Details, Code: status.Code,
	}
	if !t.rule.includes(auditv1.LevelRequest) && quotes(t.event.Verb, status.Reason) {
		kept.Message, kept.Details = "", withoutQuotes(status.Details)
	}
	t.event.ResponseStatus = &kept
	if t.rule.includes(auditv1.LevelRequestResponse) {
		if data, err := json.Marshal(status); err == nil {
			t.event.ResponseObject = unknown(data)
		}
	}
}

// quotes says whether a refusal may quote what is in the object, which may be
// secret: what is wrong with it, and for some patches all of it.
func quotes(verb string, reason metav1.StatusReason) bool {
	switch verb {
	case "create", "update", "patch":
		return reason == metav1.StatusReasonInvalid || reason == metav1.StatusReasonBadRequest
	}
	return false
}

// withoutQuotes leaves of a refusal's details which fields it is about, and why.
func withoutQuotes(details *metav1.StatusDetails) *metav1.StatusDetails {
	if details == nil {
		return nil
	}
	kept := *details
	kept.Causes = nil
	for _, cause := range details.Causes {
		kept.Causes = append(kept.Causes, metav1.StatusCause{Type: cause.Type, Field: cause.Field})
	}
	return &kept
}

// A copied is a copy of a body on its way, and what it is.
type copied struct {
	bytes.Buffer
	header http.Header
	sent   bool // by the client
}

// listen has the answer copied, if it is to be kept. Streams are not.
func (q *request) listen() {
	if t := q.trail; t != nil && t.rule.includes(auditv1.LevelRequestResponse) && !q.longRunning() {
		t.response = &copied{header: q.w.Header()}
	}
}

// copy adds to the copy of the answer.
func (t *trail) copy(data []byte) {
	switch {
	case t == nil || t.response == nil:
	case !t.response.mayBeObject():
		t.response = nil
	default:
		t.response.Write(data)
	}
}

// mayBeObject says whether the body is of a type that objects have.
func (c *copied) mayBeObject() bool {
	contentType := c.header.Get("Content-Type")
	return strings.HasPrefix(contentType, api.JSON) || strings.HasPrefix(contentType, api.Protobuf)
}

// hear has the request's body copied, if it is to be kept, where code of others
// reads it.
func (q *request) hear() {
	t := q.trail
	if t == nil || !t.rule.includes(auditv1.LevelRequest) || q.longRunning() || q.Body == nil {
		return
	}
	t.request = &copied{header: q.Header, sent: true}
	q.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(io.LimitReader(q.Body, MaxBodyBytes+1), &t.request.Buffer), q.Body}
}

// addCopies adds what has been copied to the event.
func (t *trail) addCopies() {
	if t.request != nil {
		t.event.RequestObject = t.request.object(t.rule.OmitManagedFields)
	}
	if t.response != nil && t.event.ResponseObject == nil {
		t.event.ResponseObject = t.response.object(t.rule.OmitManagedFields)
	}
}

// object is the object that a body holds, as JSON; nil if it holds none.
func (c *copied) object(omitManagers bool) *runtime.Unknown {
	data, err := c.plain()
	if err != nil {
		return nil
	}
	mediaType, _, _ := mime.ParseMediaType(c.header.Get("Content-Type"))
	if c.sent || mediaType != api.JSON {
		data = toJSON(data, cmp.Or(mediaType, api.JSON))
	}
	var head metav1.TypeMeta
	if json.Unmarshal(data, &head) != nil || head.Kind == "" || head.APIVersion == "" {
		return nil
	}
	if omitManagers {
		data = withoutManagers(data)
	}
	return unknown(data)
}

// plain is the body, unpacked.
func (c *copied) plain() ([]byte, error) {
	if c.header.Get("Content-Encoding") != "gzip" {
		return c.Bytes(), nil
	}
	zip, err := gzip.NewReader(&c.Buffer)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

// toJSON brings an object of a known kind, in any format, into the form that all
// events have. What it cannot read it returns as it is.
func toJSON(data []byte, mediaType string) []byte {
	found, err := api.Codecs().Decode(data, mediaType, schema.GroupVersionKind{}, nil)
	if err != nil {
		return data
	}
	encoded, err := api.Codecs().EncodeBytes(found.Object, api.JSON)
	if err != nil {
		return data
	}
	return encoded
}

// withoutManagers drops managedFields from an object, and from those of a list or
// a table.
func withoutManagers(data []byte) []byte {
	object := map[string]any{}
	numbers := json.NewDecoder(bytes.NewReader(data))
	numbers.UseNumber() // as they are, however large
	if numbers.Decode(&object) != nil {
		return nil // it cannot be, for it was read before
	}
	drop := func(object map[string]any) {
		unstructured.RemoveNestedField(object, "metadata", "managedFields")
	}
	drop(object)
	for _, list := range []string{"items", "rows"} {
		parts, _ := object[list].([]any)
		for _, part := range parts {
			fields, _ := part.(map[string]any)
			if row, ok := fields["object"].(map[string]any); ok && list == "rows" {
				fields = row
			}
			drop(fields)
		}
	}
	data, _ = json.Marshal(object) // it was JSON before
	return data
}

func unknown(data []byte) *runtime.Unknown {
	return &runtime.Unknown{Raw: bytes.TrimSpace(data), ContentType: runtime.ContentTypeJSON}
}

package api

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	protobufserializer "k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
)

// The media types an object can be written in.
const (
	JSON     = "application/json"
	YAML     = "application/yaml"
	Protobuf = "application/vnd.kubernetes.protobuf"
)

// A Codec turns objects into bytes and back. There is one for each process, see
// [Codecs]; it is safe for concurrent use.
//
// Whatever the media type, the bytes name their kind: encoding fills in the
// apiVersion and kind of a typed object, which Go code seldom sets, and decoding
// believes them.
type Codec struct {
	scheme      *runtime.Scheme
	serializers map[string]runtime.Serializer
	scratch     sync.Pool // of *runtime.Allocator
}

// Codecs returns the codec of all built-in kinds, which everybody shares.
var Codecs = sync.OnceValue(func() *Codec { return NewCodec(Scheme()) })

// NewCodec returns a codec over the kinds of a scheme. Building one is dear: keep it.
func NewCodec(scheme *runtime.Scheme) *Codec {
	strict := jsonserializer.SerializerOptions{Strict: true, StreamingCollectionsEncoding: true}
	strictYAML := jsonserializer.SerializerOptions{Strict: true, Yaml: true}
	meta := jsonserializer.DefaultMetaFactory
	return &Codec{
		scheme:  scheme,
		scratch: sync.Pool{New: func() any { return &runtime.Allocator{} }},
		serializers: map[string]runtime.Serializer{
			JSON:     jsonserializer.NewSerializerWithOptions(meta, scheme, scheme, strict),
			YAML:     jsonserializer.NewSerializerWithOptions(meta, scheme, scheme, strictYAML),
			Protobuf: protobufserializer.NewSerializer(scheme, scheme),
		},
	}
}

// A MediaTypeError says that the codec does not speak a media type. An API
// server answers it with 415 for what it was sent and 406 for what it was
// asked for.
type MediaTypeError struct{ MediaType string }

// Error implements error.
func (e *MediaTypeError) Error() string {
	return fmt.Sprintf("the media type %q is not supported", e.MediaType)
}

// Supports says whether the codec speaks a media type, which is one of [JSON],
// [YAML] and [Protobuf], without parameters.
func (c *Codec) Supports(mediaType string) bool { return c.serializers[mediaType] != nil }

// Encode writes obj to w. It does not change obj, which may be shared: where
// its kind is not set, a shallow copy gets it from the scheme. The error is a
// [*MediaTypeError], one of the writer, or says that the object has no such
// form, as a custom resource has no protobuf.
func (c *Codec) Encode(obj runtime.Object, mediaType string, w io.Writer) error {
	serializer := c.serializers[mediaType]
	if serializer == nil {
		return &MediaTypeError{mediaType}
	}
	obj, err := c.withKind(obj)
	if err != nil {
		return fmt.Errorf("encode %T: %w", obj, err)
	}
	if sparing, ok := serializer.(runtime.EncoderWithAllocator); ok {
		scratch := c.scratch.Get().(*runtime.Allocator)
		defer c.scratch.Put(scratch)
		err = sparing.EncodeWithAllocator(obj, w, scratch)
	} else {
		err = serializer.Encode(obj, w)
	}
	if err != nil {
		return fmt.Errorf("encode %T: %w", obj, err)
	}
	return nil
}

// EncodeBytes is [Codec.Encode] into memory, which the caller then owns.
func (c *Codec) EncodeBytes(obj runtime.Object, mediaType string) ([]byte, error) {
	var buf bytes.Buffer
	if err := c.Encode(obj, mediaType, &buf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Decoded is what [Codec.Decode] found.
type Decoded struct {
	Object runtime.Object
	// Kind is the kind the data named, completed by the defaults.
	Kind schema.GroupVersionKind
	// Strict lists what a careful client would want to know: fields that the
	// kind does not have, and fields given twice, in Kubernetes' words, such
	// as `unknown field "spec.replica"`. They did not keep the rest from being
	// decoded. See [StrictError].
	Strict []error
}

// Decode reads one object.
//
// Where the data leaves out its kind or version, defaults supplies it; an empty
// defaults supplies nothing. With into, the data is decoded into that object
// if its type fits the kind that was found, or if it is unstructured; otherwise, and
// without into, a new object of the kind is made: compare Decoded.Object.
// The object owns its memory; data may be reused.
//
// Errors satisfy runtime.IsMissingKind, runtime.IsMissingVersion or
// runtime.IsNotRegisteredError where these are the cause.
func (c *Codec) Decode(data []byte, mediaType string, defaults schema.GroupVersionKind, into runtime.Object) (Decoded, error) {
	serializer := c.serializers[mediaType]
	if serializer == nil {
		return Decoded{}, &MediaTypeError{mediaType}
	}
	obj, kind, err := serializer.Decode(data, &defaults, into)
	var found Decoded
	if kind != nil {
		found.Kind = *kind
	}
	if strict, ok := runtime.AsStrictDecodingError(err); ok {
		found.Strict, err = strict.Errors(), nil
	}
	if err != nil {
		return found, err
	}
	found.Object = obj
	return found, nil
}

// StrictError makes one error of the strict findings of a decoding, with the
// text that Kubernetes gives it: `strict decoding error: unknown field "a",
// duplicate field "b"`. It returns nil when there are none.
func StrictError(findings []error) error {
	if len(findings) == 0 {
		return nil
	}
	return runtime.NewStrictDecodingError(findings)
}

// EncodeStored returns the form in which an object is kept in the store:
// protobuf where the kind has one, JSON for custom resources. It is the form
// kube-apiserver writes. The bytes carry no resourceVersion: the store gives it.
func (c *Codec) EncodeStored(obj runtime.Object) ([]byte, error) {
	if _, ok := obj.(runtime.Unstructured); ok {
		return c.EncodeBytes(obj, JSON)
	}
	return c.EncodeBytes(obj, Protobuf)
}

// protobufMagic starts every protobuf object, so that it cannot be taken for JSON.
var protobufMagic = []byte("k8s\x00")

// DecodeStored reads what [Codec.EncodeStored] wrote, or kube-apiserver. Fields
// nobody knows are dropped: a newer server may have written them.
func (c *Codec) DecodeStored(data []byte, into runtime.Object) (runtime.Object, error) {
	mediaType := JSON
	if bytes.HasPrefix(data, protobufMagic) {
		mediaType = Protobuf
	}
	found, err := c.Decode(data, mediaType, schema.GroupVersionKind{}, into)
	if err != nil {
		return nil, fmt.Errorf("decode stored object: %w", err)
	}
	return found.Object, nil
}

package crd

import (
	"context"
	"errors"
	"fmt"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/coracle-k8s/coracle/api"
)

const (
	// conversionTime is how long a conversion may take.
	conversionTime = 30 * time.Second
	// batchBytes is how much is sent to a webhook at once, about. What comes back
	// must not be more than it may answer.
	batchBytes = 1 << 20
)

// An asker sends a question and reads the answer, as a webhook.Caller does.
type asker interface {
	Ask(ctx context.Context, question, answer any) error
}

// A converter asks a definition's webhook to convert objects between versions.
type converter struct{ webhook asker }

// convert returns the objects in a version. It does not change those it is
// given; what has the version already is only copied.
func (c *converter) convert(ctx context.Context, objects []api.Object, version string) ([]api.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, conversionTime)
	defer cancel()
	converted := make([]api.Object, len(objects))
	var batch []*unstructured.Unstructured
	var places []int
	size := 0
	send := func() error {
		answer, err := c.ask(ctx, batch, version)
		for i, at := range places {
			if err == nil {
				converted[at] = answer[i]
			}
		}
		batch, places, size = nil, nil, 0
		return err
	}
	for i, obj := range objects {
		o := obj.(*unstructured.Unstructured)
		if o.GetAPIVersion() == version {
			converted[i] = o.DeepCopy()
			continue
		}
		batch, places = append(batch, o), append(places, i)
		if size += sizeOf(o); size >= batchBytes {
			if err := send(); err != nil {
				return nil, err
			}
		}
	}
	if len(batch) == 0 {
		return converted, nil
	}
	return converted, send()
}

// sizeOf is about how long an object is in JSON.
func sizeOf(o *unstructured.Unstructured) int {
	data, err := o.MarshalJSON()
	if err != nil {
		return 0 // it says so when it is sent
	}
	return len(data)
}

// ask sends one batch.
func (c *converter) ask(ctx context.Context, objects []*unstructured.Unstructured, version string) ([]*unstructured.Unstructured, error) {
	kind := objects[0].GroupVersionKind()
	question := &apiextensionsv1.ConversionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "ConversionReview"},
		Request:  &apiextensionsv1.ConversionRequest{UID: uuid.NewUUID(), DesiredAPIVersion: version},
	}
	for _, o := range objects {
		question.Request.Objects = append(question.Request.Objects, runtime.RawExtension{Object: o})
	}
	review := &apiextensionsv1.ConversionReview{}
	if err := c.webhook.Ask(ctx, question, review); err != nil {
		return nil, fmt.Errorf("conversion webhook for %v failed: %w", kind, err)
	}
	raw, err := readReview(question.Request.UID, review)
	switch {
	case err != nil:
		return nil, fmt.Errorf("conversion webhook for %v failed: %w", kind, err)
	case len(raw) != len(objects):
		return nil, fmt.Errorf("conversion webhook for %v returned %d objects, expected %d", kind, len(raw), len(objects))
	}
	converted := make([]*unstructured.Unstructured, len(raw))
	for i := range raw {
		if converted[i], err = readConverted(objects[i], raw[i].Raw, version); err != nil {
			return nil, fmt.Errorf("conversion webhook for %v returned invalid converted object at index %v: %w", kind, i, err)
		}
	}
	return converted, nil
}

// readReview checks that an answer is one to the question, and a success.
func readReview(uid types.UID, review *apiextensionsv1.ConversionReview) ([]runtime.RawExtension, error) {
	answer := review.Response
	switch {
	case review.APIVersion != "apiextensions.k8s.io/v1" || review.Kind != "ConversionReview":
		return nil, fmt.Errorf("expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got %s, Kind=%s", review.APIVersion, review.Kind)
	case answer == nil:
		return nil, errors.New("no response provided")
	case answer.UID != uid:
		return nil, fmt.Errorf("expected response.uid=%q, got %q", uid, answer.UID)
	case answer.Result.Status != metav1.StatusSuccess:
		if answer.Result.Message != "" {
			return nil, errors.New(answer.Result.Message)
		}
		return nil, fmt.Errorf("response.result.status was '%s', not 'Success'", answer.Result.Status)
	}
	return answer.ConvertedObjects, nil
}

// readConverted reads what has become of an object, which must still be the same
// one: its metadata stays, but for labels and annotations.
func readConverted(original *unstructured.Unstructured, data []byte, version string) (*unstructured.Unstructured, error) {
	converted := &unstructured.Unstructured{}
	if err := converted.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	if got := converted.GetAPIVersion(); got != version {
		return nil, fmt.Errorf("invalid groupVersion (expected %v, received %v)", version, got)
	}
	for _, same := range []struct{ what, want, got string }{
		{"kind", original.GetKind(), converted.GetKind()},
		{"name", original.GetName(), converted.GetName()},
		{"namespace", original.GetNamespace(), converted.GetNamespace()},
		{"UID", string(original.GetUID()), string(converted.GetUID())},
	} {
		if same.want != same.got {
			return nil, fmt.Errorf("must have the same %s: %v != %v", same.what, same.want, same.got)
		}
	}
	metadata, ok := converted.Object["metadata"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("invalid metadata of type %T in converted object", converted.Object["metadata"])
	}
	return converted, keepMetadata(original, converted, metadata)
}

// keepMetadata gives a converted object the metadata it had before, with the
// labels and annotations it has now.
func keepMetadata(original, converted *unstructured.Unstructured, metadata map[string]any) error {
	kept := original.DeepCopy().Object["metadata"].(map[string]any)
	for _, name := range []string{"labels", "annotations"} {
		delete(kept, name)
		given, ok := metadata[name].(map[string]any)
		if !ok && metadata[name] != nil {
			return fmt.Errorf("invalid metadata.%s of type %T in converted object", name, metadata[name])
		}
		for key, value := range given {
			if _, ok := value.(string); !ok {
				return fmt.Errorf("metadata.%s[%s] must be a string, but is %T in converted object", name, key, value)
			}
		}
		if given != nil {
			kept[name] = given
		}
	}
	converted.Object["metadata"] = kept
	return nil
}

package webhook

import (
	"context"
	"fmt"
	"reflect"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
)

// maxOperations bounds a patch, as one of a client is.
const maxOperations = 10_000

// A patch is what a webhook wants to be changed (RFC 6902).
type patch jsonpatch.Patch

// readPatch returns the patch in an answer, or nil if it has none.
func readPatch(h *webhook, answer *admissionv1.AdmissionResponse) (patch, error) {
	if len(answer.Patch) == 0 {
		return nil, nil
	}
	operations, err := jsonpatch.DecodePatch(answer.Patch)
	switch {
	case err != nil:
		return nil, &failure{h.Name, fmt.Errorf("received undecodable patch in webhook response: %w", err)}
	case len(operations) == 0:
		return nil, nil
	case *answer.PatchType != admissionv1.PatchTypeJSONPatch:
		return nil, &failure{h.Name, fmt.Errorf("unsupported patch type %q", *answer.PatchType)}
	case len(operations) > maxOperations:
		return nil, &failure{h.Name, fmt.Errorf("the patch has %d operations, of %d allowed", len(operations), maxOperations)}
	}
	return patch(operations), nil
}

// apply returns what the patch makes of an object, which it does not change.
func (p patch) apply(ctx context.Context, obj api.Object, form *match.Form) (api.Object, error) {
	document, err := encode(obj, form)
	if err != nil {
		return nil, err
	}
	patched, err := p.applyTo(ctx, document)
	if err != nil {
		return nil, err
	}
	into := form.New(obj)
	found, err := api.Codecs().Decode(patched, api.JSON, form.Kind, into)
	if err != nil {
		return nil, fmt.Errorf("read the patched object: %w", err)
	}
	result, ok := found.Object.(api.Object)
	if !ok || reflect.TypeOf(result) != reflect.TypeOf(obj) || found.Kind != form.Kind {
		return nil, fmt.Errorf("the patched object is a %s, not a %s", found.Kind, form.Kind)
	}
	return result, nil
}

// applyTo patches a document. Copying can double a document with every
// operation, so a patch that copies is applied step by step, each time with a
// look at what it has come to.
func (p patch) applyTo(ctx context.Context, document []byte) ([]byte, error) {
	if !p.copies() {
		return bounded(jsonpatch.Patch(p).Apply(document))
	}
	var err error
	for i := range p {
		if document, err = bounded(jsonpatch.Patch(p[i : i+1]).Apply(document)); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return document, nil
}

func (p patch) copies() bool {
	for _, operation := range p {
		if operation.Kind() == "copy" {
			return true
		}
	}
	return false
}

// bounded refuses a document that a client could not have sent.
func bounded(document []byte, err error) ([]byte, error) {
	if err == nil && len(document) > apiserver.MaxBodyBytes {
		err = fmt.Errorf("the patched object has %d bytes, of %d allowed", len(document), apiserver.MaxBodyBytes)
	}
	return document, err
}

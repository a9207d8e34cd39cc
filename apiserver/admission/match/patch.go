package match

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// maxOperations bounds a patch, as one of a client is.
const maxOperations = 10_000

// Patch returns what a JSON patch (RFC 6902) makes of an object in this form, which
// it does not change. What a strict reader finds in the outcome, such as a field
// that the kind does not have, is returned besides.
func (f *Form) Patch(ctx context.Context, obj api.Object, patch jsonpatch.Patch) (patched api.Object, strict []error, err error) {
	if len(patch) > maxOperations {
		return nil, nil, fmt.Errorf("the patch has %d operations, of %d allowed", len(patch), maxOperations)
	}
	plain, err := cel.Plain(obj, f.Kind)
	if err != nil {
		return nil, nil, err
	}
	document, err := json.Marshal(plain)
	if err == nil {
		document, err = apply(ctx, document, patch)
	}
	if err != nil {
		return nil, nil, err
	}
	found, err := api.Codecs().Decode(document, api.JSON, f.Kind, f.New(obj))
	if err != nil {
		return nil, nil, fmt.Errorf("read the patched object: %w", err)
	}
	result, ok := found.Object.(api.Object)
	if !ok || reflect.TypeOf(result) != reflect.TypeOf(obj) || found.Kind != f.Kind {
		return nil, nil, fmt.Errorf("the patched object is a %s, not a %s", found.Kind, f.Kind)
	}
	return result, found.Strict, nil
}

// apply patches a document. Copying can double a document with every operation,
// so a patch that copies is applied step by step, each time with a look at what it
// has come to.
func apply(ctx context.Context, document []byte, patch jsonpatch.Patch) ([]byte, error) {
	if !copies(patch) {
		return bounded(patch.Apply(document))
	}
	var err error
	for i := range patch {
		if document, err = bounded(patch[i : i+1].Apply(document)); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return document, nil
}

func copies(patch jsonpatch.Patch) bool {
	for _, operation := range patch {
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

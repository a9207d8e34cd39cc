package apiserver

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// Managed is [Storage.Objects] for a part of the server that writes as a client
// would: the fields it sets are noted in managedFields as the manager's. The
// subresource is the one that it would write through; empty means the object.
func (s *Storage) Managed(manager, subresource string) Objects {
	return directObjects{Storage: s, manager: manager, subresource: subresource}
}

// note tells in managedFields what the writer has changed of old, which is nil
// for a new object.
func (o directObjects) note(r *api.Resource, old, obj api.Object) error {
	if o.manager == "" {
		return nil
	}
	tracker, err := o.fields.get(r)
	if err != nil {
		return err
	}
	if err := tracker.Update(old, obj, o.subresource, o.manager); err != nil {
		return err
	}
	if old != nil {
		keepTimes(obj, old)
	}
	return nil
}

// Apply makes of an object what the manager applies to one of its subresources,
// by force, as [Server] does for clients that apply.
func (s *Storage) Apply(ctx context.Context, r *api.Resource, config *unstructured.Unstructured, subresource, manager string) error {
	tracker, err := s.fields.get(r)
	if err != nil {
		return err
	}
	current, err := s.read(ctx, r, config.GetNamespace(), config.GetName())
	for err == nil {
		obj, err := tracker.Apply(current.object, config.DeepCopy(), subresource, manager, true)
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", r.Kind, config.GetName(), err)
		}
		forgetKind(obj)
		keepTimes(obj, current.object)
		if current, err = s.replace(ctx, r, obj, current); err == nil || !errors.Is(err, store.ErrConflict) {
			return storeError(r, config.GetName(), err)
		}
	}
	return storeError(r, config.GetName(), err)
}

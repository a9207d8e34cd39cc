package apiserver

import (
	"context"
	"errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// Objects returns access to the objects that passes by authentication,
// authorization, admission and validation.
func (s *Storage) Objects() Objects { return directObjects{Storage: s} }

// directObjects implements [Objects].
type directObjects struct {
	*Storage
	// manager is whose writes these are; empty for nobody's. See [Storage.Managed].
	manager, subresource string
}

var _ Objects = directObjects{}

// Get implements Objects.
func (o directObjects) Get(ctx context.Context, r *api.Resource, namespace, name string) (api.Object, error) {
	if err := o.cache.fresh(ctx); err != nil {
		return nil, storeError(r, name, err)
	}
	found, _, err := o.cache.get(ctx, r, keyOf(r, namespace, name))
	switch {
	case err != nil:
		return nil, storeError(r, name, err)
	case found == nil:
		return nil, storeError(r, name, store.ErrNotFound)
	case found.err != nil:
		return nil, storeError(r, name, found.err)
	}
	return found.object(), nil
}

// List implements Objects.
func (o directObjects) List(ctx context.Context, r *api.Resource, namespace string) ([]api.Object, error) {
	if err := o.cache.fresh(ctx); err != nil {
		return nil, storeError(r, "", err)
	}
	entries, _, err := o.cache.list(ctx, r, keyPrefix(r, namespace))
	if err != nil {
		return nil, storeError(r, "", err)
	}
	objects := make([]api.Object, 0, len(entries))
	for _, e := range entries {
		if e.err != nil {
			return nil, storeError(r, e.key, e.err)
		}
		objects = append(objects, e.object())
	}
	return objects, nil
}

// Create implements Objects.
func (o directObjects) Create(ctx context.Context, r *api.Resource, obj api.Object) (api.Object, error) {
	obj = api.Clone(obj)
	forgetKind(obj)
	beginMetadata(r, obj)
	generateName(obj)
	if r.Default != nil {
		r.Default(obj)
	}
	if err := o.note(r, nil, obj); err != nil {
		return nil, err
	}
	if _, err := o.create(ctx, r, obj); err != nil {
		return nil, storeError(r, obj.GetName(), err)
	}
	return obj, nil
}

// Modify implements Objects.
func (o directObjects) Modify(ctx context.Context, r *api.Resource, namespace, name string, change func(api.Object) error) (api.Object, error) {
	current, err := o.read(ctx, r, namespace, name)
	for err == nil {
		obj := api.Clone(current.object)
		if err := change(obj); err != nil {
			return nil, err
		}
		carryMetadata(obj, current.object)
		countGeneration(r, obj, current.object)
		if err := o.note(r, current.object, obj); err != nil {
			return nil, err
		}
		if current, err = o.replace(ctx, r, obj, current); err == nil {
			return obj, nil
		}
		if errors.Is(err, store.ErrConflict) {
			err = nil
		}
	}
	return nil, storeError(r, name, err)
}

// Delete implements Objects.
func (o directObjects) Delete(ctx context.Context, r *api.Resource, namespace, name string) error {
	_, _, err := o.store.Delete(ctx, r.Key(namespace, name), 0)
	if err != nil {
		return storeError(r, name, err)
	}
	return nil
}

package apiserver

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// Forget drops what the cache holds of a resource that is no longer in the
// registry, and ends its watches.
func (s *Storage) Forget(r *api.Resource) { s.cache.forget(r) }

// Retire deletes an object past authorization and admission, but as a client's
// delete would: what has finalizers is marked, and stays until they are gone.
func (s *Storage) Retire(ctx context.Context, r *api.Resource, namespace, name string) (gone bool, err error) {
	current, err := s.read(ctx, r, namespace, name)
	for err == nil {
		obj := api.Clone(current.object)
		if gone = markDeleted(r, obj, &metav1.DeleteOptions{}); gone {
			current, _, err = s.remove(ctx, r, current)
		} else {
			current, err = s.replace(ctx, r, obj, current)
		}
		if err == nil {
			return gone, nil
		}
		if errors.Is(err, store.ErrConflict) {
			err = context.Cause(ctx)
		}
	}
	return false, storeError(r, name, err)
}

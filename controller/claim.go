package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// A Claim decides which of some objects belong to an owner that knows them by a
// selector, and makes that so: an object that matches and has no controller is
// adopted, one that the owner controls but that matches no more is released.
// Whom another controls is left alone.
type Claim[T api.Object] struct {
	Kind     *client.Kind[T]
	Owner    api.Object
	OwnerGVK schema.GroupVersionKind
	Selector labels.Selector
	// Live reads the owner from the API server, not from a cache, before the first
	// adoption: whoever is gone or being deleted must not adopt.
	Live func(ctx context.Context) (api.Object, error)

	mayAdopt func() error
}

// Of returns those of the candidates that belong to the owner.
func (c *Claim[T]) Of(ctx context.Context, candidates []T) ([]T, error) {
	var mine []T
	var errs []error
	c.mayAdopt = sync.OnceValue(func() error { return c.checkOwner(ctx) })
	for _, obj := range candidates {
		ok, err := c.one(ctx, obj)
		if ok {
			mine = append(mine, obj)
		}
		errs = append(errs, err)
	}
	return mine, errors.Join(errs...)
}

func (c *Claim[T]) one(ctx context.Context, obj T) (bool, error) {
	ref := metav1.GetControllerOfNoCopy(obj)
	matches := c.Selector.Matches(labels.Set(obj.GetLabels()))
	switch {
	case ref != nil && ref.UID != c.Owner.GetUID():
		return false, nil
	case ref != nil && matches:
		return true, nil
	case ref != nil: // ours, but it does not match
		if c.Owner.GetDeletionTimestamp() != nil {
			return false, nil
		}
		return false, c.release(ctx, obj)
	case !matches || obj.GetDeletionTimestamp() != nil || c.Owner.GetDeletionTimestamp() != nil:
		return false, nil
	}
	err := c.adopt(ctx, obj)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (c *Claim[T]) adopt(ctx context.Context, obj T) error {
	if err := c.mayAdopt(); err != nil {
		return err
	}
	return c.patch(ctx, obj, []any{metav1.NewControllerRef(c.Owner, c.OwnerGVK)})
}

// checkOwner asks the API server whether the owner is still there.
func (c *Claim[T]) checkOwner(ctx context.Context) error {
	live, err := c.Live(ctx)
	if err == nil && (live.GetUID() != c.Owner.GetUID() || live.GetDeletionTimestamp() != nil) {
		err = fmt.Errorf("%s %s is being deleted: %w", c.OwnerGVK.Kind, c.Owner.GetName(), ErrRetry)
	}
	return err
}

func (c *Claim[T]) release(ctx context.Context, obj T) error {
	err := c.patch(ctx, obj, []any{map[string]any{"$patch": "delete", "uid": c.Owner.GetUID()}})
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) {
		return nil // It is gone, or has another owner by now.
	}
	return err
}

// patch changes the owner references of this very object, and of no other that
// may have its name by now.
func (c *Claim[T]) patch(ctx context.Context, obj T, owners []any) error {
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": obj.GetUID(), "ownerReferences": owners,
	}})
	if err != nil {
		return err
	}
	_, err = c.Kind.Patch(ctx, obj.GetNamespace(), obj.GetName(), types.StrategicMergePatchType, data)
	return err
}

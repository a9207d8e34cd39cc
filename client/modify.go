package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
)

// modifyTries is how often [Kind.Modify] starts over after a conflict.
const modifyTries = 10

// Modify reads the object, lets change alter it in place, and writes it back;
// when somebody else was faster it starts over, so change may run several times.
// An error of change ends it. Nothing is sent if change changes nothing. It
// returns the object as stored.
func (k *Kind[T]) Modify(ctx context.Context, namespace, name string, change func(T) error) (T, error) {
	return k.modify(ctx, namespace, name, change, k.Update)
}

// ModifyStatus is [Kind.Modify] through the status subresource: of what change
// does, the server takes the status only.
func (k *Kind[T]) ModifyStatus(ctx context.Context, namespace, name string, change func(T) error) (T, error) {
	return k.modify(ctx, namespace, name, change, k.UpdateStatus)
}

func (k *Kind[T]) modify(ctx context.Context, namespace, name string, change func(T) error, write func(context.Context, T) (T, error)) (T, error) {
	var none T
	for try := 1; ; try++ {
		obj, err := k.Get(ctx, namespace, name)
		if err != nil {
			return none, err
		}
		before := api.Clone(obj)
		if err := change(obj); err != nil {
			return none, err
		}
		if equality.Semantic.DeepEqual(before, obj) {
			return obj, nil
		}
		stored, err := write(ctx, obj)
		if err == nil {
			return stored, nil
		}
		if !apierrors.IsConflict(err) || try == modifyTries {
			return none, err
		}
		if err := sleep(ctx, conflictPause(try)); err != nil {
			return none, fmt.Errorf("modify %s %s: %w", k.resource.Kind, api.Key(namespace, name), err)
		}
	}
}

// conflictPause is a few milliseconds, more after each try, and random so that
// writers who met once do not meet again.
func conflictPause(try int) time.Duration {
	return time.Duration(rand.Int64N(int64(5*time.Millisecond))) * time.Duration(try)
}

package crd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// errNotEmpty says that a deleted definition still has objects.
var errNotEmpty = errors.New("objects remain, held by their finalizers")

// cleanAll goes on with the deletion of every definition that is being deleted.
func (c *Controller) cleanAll(ctx context.Context) error {
	var failures []error
	for _, d := range c.snapshot() {
		if d.DeletionTimestamp != nil && slices.Contains(d.Finalizers, apiextensionsv1.CustomResourceCleanupFinalizer) {
			if err := c.clean(ctx, d); err != nil {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(failures...)
}

// clean deletes the objects of a definition and, when none is left, lets it go.
func (c *Controller) clean(ctx context.Context, d *definition) error {
	report := func(status apiextensionsv1.ConditionStatus, reason, message string) func(*definition) {
		return func(d *definition) {
			setCondition(d, condition{Type: apiextensionsv1.Terminating, Status: status, Reason: reason, Message: message})
		}
	}
	done := report(apiextensionsv1.ConditionFalse, "InstanceDeletionCompleted", "removed all instances")
	if r := c.storedResource(d.Name); r != nil {
		if now := conditionOf(d, apiextensionsv1.Terminating); now == nil || now.Reason == "InstanceDeletionPending" {
			stored, err := c.modify(ctx, d, report(apiextensionsv1.ConditionTrue, "InstanceDeletionInProgress", "CustomResource deletion is in progress"))
			if stored == nil || err != nil {
				return err
			}
			d = stored
		}
		if err := c.empty(ctx, r); err != nil {
			if !errors.Is(err, errNotEmpty) {
				return err
			}
			if conditionOf(d, apiextensionsv1.Terminating).Reason != "InstanceDeletionCheck" {
				_, failure := c.modify(ctx, d, report(apiextensionsv1.ConditionTrue, "InstanceDeletionCheck",
					"could not confirm zero CustomResources remaining: timed out waiting for the condition"))
				err = errors.Join(err, failure)
			}
			return err
		}
	} else {
		done = report(apiextensionsv1.ConditionFalse, "NeverEstablished", "resource was never established")
	}
	return c.release(ctx, d, done)
}

// empty deletes all objects of a kind, and says errNotEmpty if some have
// finalizers that keep them.
func (c *Controller) empty(ctx context.Context, r *api.Resource) error {
	objects, err := c.storage.Objects().List(ctx, r, "")
	if err != nil {
		return fmt.Errorf("list the %s to delete: %w", r.Plural, err)
	}
	held := false
	for _, obj := range objects {
		gone, err := c.storage.Retire(ctx, r, obj.GetNamespace(), obj.GetName())
		if ignoreGone(err) != nil {
			return fmt.Errorf("delete %s %s: %w", r.Plural, obj.GetName(), err)
		}
		held = held || !gone && err == nil
	}
	if held {
		return errNotEmpty
	}
	return nil
}

// release takes away the finalizer that has kept the definition, which then goes
// unless it has others.
func (c *Controller) release(ctx context.Context, d *definition, report func(*definition)) error {
	stored, err := c.modify(ctx, d, func(d *definition) {
		report(d)
		d.Finalizers = slices.DeleteFunc(d.Finalizers, func(f string) bool {
			return f == apiextensionsv1.CustomResourceCleanupFinalizer
		})
	})
	if stored == nil || err != nil || len(stored.Finalizers) > 0 {
		return err
	}
	_, err = c.storage.Retire(ctx, c.registry.definitions(), "", d.Name)
	return ignoreGone(err)
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// storedResource returns the objects of a definition as they are stored, so that
// no webhook is needed to delete them, or nil if it was never established.
func (c *Controller) storedResource(name string) *api.Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.kinds[name]; k != nil {
		return k.stored
	}
	return nil
}

// Hook refuses to create objects of a definition that is being deleted.
func (c *Controller) Hook() apiserver.Hook {
	return apiserver.ValidateFunc(func(_ context.Context, a *apiserver.Admission) error {
		if a.Operation != apiserver.Create {
			return nil
		}
		c.mu.Lock()
		k := c.kinds[a.Resource.Plural+"."+a.Resource.Group]
		c.mu.Unlock()
		if k == nil || !terminating(k.of) {
			return nil
		}
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
			errors.New("create not allowed while custom resource definition is terminating"))
	})
}

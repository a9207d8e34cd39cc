package client

import (
	"context"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A DeleteOption says how to delete.
type DeleteOption func(*metav1.DeleteOptions)

// GracePeriod gives the object so many seconds to end. Zero removes it at once,
// even if it is a pod that still runs somewhere.
func GracePeriod(seconds int64) DeleteOption {
	return func(o *metav1.DeleteOptions) { o.GracePeriodSeconds = &seconds }
}

// Propagation says what becomes of the objects that the object owns:
// metav1.DeletePropagationBackground, Foreground or Orphan.
func Propagation(policy metav1.DeletionPropagation) DeleteOption {
	return func(o *metav1.DeleteOptions) { o.PropagationPolicy = &policy }
}

// Precondition deletes the object only if it still is the one of this uid and
// resourceVersion, either of which may be empty for any. Otherwise the deletion fails
// with apierrors.IsConflict.
func Precondition(uid types.UID, resourceVersion string) DeleteOption {
	return func(o *metav1.DeleteOptions) {
		o.Preconditions = &metav1.Preconditions{}
		if uid != "" {
			o.Preconditions.UID = &uid
		}
		if resourceVersion != "" {
			o.Preconditions.ResourceVersion = &resourceVersion
		}
	}
}

// Delete asks for the end of an object. It returns when the server has accepted
// that, which may be before the object is gone: finalizers and grace periods
// keep it a while.
func (k *Kind[T]) Delete(ctx context.Context, namespace, name string, opts ...DeleteOption) error {
	return k.delete(ctx, request{method: http.MethodDelete, path: k.path(namespace, name)}, opts)
}

// DeleteCollection deletes all objects of a namespace that match; "" is all
// namespaces, which not every server allows.
func (k *Kind[T]) DeleteCollection(ctx context.Context, namespace string, list ListOptions, opts ...DeleteOption) error {
	return k.delete(ctx, request{method: http.MethodDelete, path: k.path(namespace, ""), query: list.query()}, opts)
}

func (k *Kind[T]) delete(ctx context.Context, req request, opts []DeleteOption) error {
	req.accept = k.accept(false)
	if k.form == metadataOnly {
		// The answer is not read, and may be a Status, which has no such form.
		req.accept = acceptBuiltin
	}
	if len(opts) > 0 {
		body := &metav1.DeleteOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}}
		for _, opt := range opts {
			opt(body)
		}
		if err := req.setBody(body, k.bodyType(body)); err != nil {
			return fmt.Errorf("delete %s: %w", k.resource.Kind, err)
		}
	}
	_, err := k.client.roundTrip(ctx, req)
	return err
}

package apiserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// expiredMessage is what Kubernetes says when history is no longer kept.
const expiredMessage = "The resourceVersion for the provided watch is too old."

// storeError turns an error of the store or the cache into the API status that
// a client understands. API statuses pass unchanged.
func storeError(r *api.Resource, name string, err error) error {
	switch {
	case err == nil || asStatus(err) != nil:
		return err
	case errors.Is(err, store.ErrNotFound):
		return apierrors.NewNotFound(r.GroupResource(), name)
	case errors.Is(err, errKindGone):
		return noSuchKind(r)
	case errors.Is(err, store.ErrExists):
		return apierrors.NewAlreadyExists(r.GroupResource(), name)
	case errors.Is(err, store.ErrConflict):
		return conflictError(r, name)
	case errors.Is(err, store.ErrCompacted):
		return apierrors.NewResourceExpired(expiredMessage)
	case errors.Is(err, store.ErrFutureRevision):
		return tooLargeRevisionError(err.Error())
	case errors.Is(err, errCacheStopped), errors.Is(err, store.ErrClosed):
		unavailable := apierrors.NewServiceUnavailable("the server is shutting down or starting: " + err.Error())
		unavailable.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: 1}
		return unavailable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return apierrors.NewTimeoutError("request did not complete within the allotted timeout", 0)
	default:
		return apierrors.NewInternalError(err)
	}
}

// severity is how loud to log an error: debug where nobody waits for the answer
// any more, or where the server is on its way out.
func severity(ctx context.Context, level slog.Level, err error) slog.Level {
	if ctx.Err() != nil || apierrors.IsServiceUnavailable(err) {
		return slog.LevelDebug
	}
	return level
}

// conflictError is a write that lost a race.
func conflictError(r *api.Resource, name string) error {
	return apierrors.NewConflict(r.GroupResource(), name, errors.New(
		"the object has been modified; please apply your changes to the latest version and try again"))
}

// preconditionError is a write meant for another object, or another state of it.
func preconditionError(r *api.Resource, namespace, name, wanted, found string) error {
	return apierrors.NewConflict(r.GroupResource(), name, storageError(fmt.Sprintf(
		"invalid object, Code: 4, Key: %s, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: %s, UID in object meta: %s",
		r.Key(namespace, name), wanted, found)))
}

// A storageError begins as Kubernetes' errors from its storage do.
type storageError string

func (e storageError) Error() string { return "StorageError: " + string(e) }

// deletePreconditionError is a delete meant for another object, or another state
// of it. Kubernetes names the kind here rather than the resource.
func deletePreconditionError(r *api.Resource, name, what, wanted, found, happened string) error {
	said := schema.GroupResource{Group: r.SaidKind().Group, Resource: r.SaidKind().Kind}
	return apierrors.NewConflict(said, name, fmt.Errorf(
		"the %s in the precondition (%s) does not match the %s in record (%s). The object might have been %s", what, wanted, what, found, happened))
}

// tooLargeRevisionError answers who asks for a state that is still to come.
func tooLargeRevisionError(detail string) error {
	err := apierrors.NewTimeoutError("Too large resource version: "+detail, 1)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{
		Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version",
	}}
	return err
}

// noSuchResource answers a path that names no resource of ours.
func noSuchResource() error {
	return plainError(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")
}

// noSuchMethod answers a verb that a path does not have.
func noSuchMethod() error {
	return plainError(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed,
		"the server does not allow this method on the requested resource")
}

// plainError is a status about no object in particular. Its details are there,
// and empty.
func plainError(code int32, reason metav1.StatusReason, message string) error {
	err := statusError(code, reason, "%s", message)
	err.ErrStatus.Details = &metav1.StatusDetails{}
	return err
}

// noSuchKind answers a request whose kind has gone while it was under way.
func noSuchKind(r *api.Resource) error {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, "get", r.GroupResource(), "", "", 0, false)
}

// statusError makes an API error of a code and reason that apimachinery has no
// constructor for.
func statusError(code int32, reason metav1.StatusReason, format string, args ...any) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: fmt.Sprintf(format, args...),
	}}
}

// asStatus returns the API status in an error's chain, or nil.
func asStatus(err error) apierrors.APIStatus {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status
	}
	return nil
}

// statusOf returns the API status of any error. An error without one is ours to
// be ashamed of: 500.
func statusOf(err error) *metav1.Status {
	known := asStatus(err)
	if known == nil {
		known = apierrors.NewInternalError(err)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			known = apierrors.NewTimeoutError("request did not complete within the allotted timeout", 0)
		}
	}
	status := known.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	if status.Code == 0 {
		status.Code = http.StatusInternalServerError
	}
	return &status
}

// admissionError is what a client hears of a hook's refusal.
func admissionError(a *Admission, err error) error {
	if asStatus(err) != nil {
		return err
	}
	name := a.Name
	if name == "" && a.Object != nil { // yet to be made of this, perhaps
		name = cmp.Or(a.Object.GetName(), a.Object.GetGenerateName())
	}
	return apierrors.NewForbidden(a.Resource.GroupResource(), name, err)
}

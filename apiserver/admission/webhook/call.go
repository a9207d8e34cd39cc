package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
)

// A failure is a webhook that gave no proper answer.
type failure struct {
	webhook string
	reason  error
}

func (f *failure) Error() string {
	return fmt.Sprintf("failed calling webhook %q: %v", f.webhook, f.reason)
}

func (f *failure) Unwrap() error { return f.reason }

// call asks a webhook about an object, which is shown in the form it wants, and
// returns its answer if it allows the request. Errors are a failure or an API status: the
// webhook's refusal.
func (w *Webhooks) call(ctx context.Context, a *apiserver.Admission, h *webhook, form *match.Form, shown api.Object, mutating bool) (*admissionv1.AdmissionResponse, error) {
	failed := func(format string, err error) error { return &failure{h.Name, fmt.Errorf(format, err)} }
	if a.DryRun {
		if err := h.allowsDryRun(); err != nil {
			return nil, err
		}
	}
	old, err := form.Show(ctx, a.Old)
	if err != nil {
		return nil, failed("could not create admission objects: %w", err)
	}
	question, err := newReview(a, h, form, shown, old)
	if err != nil {
		return nil, failed("could not create admission objects: %w", err)
	}
	if h.TimeoutSeconds != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(*h.TimeoutSeconds)*time.Second)
		defer cancel()
	}
	review := &admissionv1.AdmissionReview{}
	if err := h.caller.Ask(ctx, question, review); err != nil {
		return nil, failed("failed to call webhook: %w", err)
	}
	answer, err := checkReview(question, review, mutating)
	if err != nil {
		return nil, failed("received invalid webhook response: %w", err)
	}
	for key, value := range answer.AuditAnnotations {
		a.Annotate(h.Name+"/"+key, value)
	}
	for _, text := range answer.Warnings {
		a.Warn(text)
	}
	if !answer.Allowed {
		return nil, denial(h.Name, answer.Result)
	}
	return answer, nil
}

// allowsDryRun refuses a dry run that a webhook could not take for one.
func (h *webhook) allowsDryRun() error {
	switch {
	case h.SideEffects == nil:
		//lint:ignore ST1005 these are Kubernetes' words
		return &failure{h.Name, errors.New("Webhook SideEffects is nil")}
	case *h.SideEffects == admissionregistrationv1.SideEffectClassNone,
		*h.SideEffects == admissionregistrationv1.SideEffectClassNoneOnDryRun:
		return nil
	default:
		return apierrors.NewBadRequest(fmt.Sprintf("admission webhook %q does not support dry run", h.Name))
	}
}

// denial is what a client hears of a webhook's refusal: the status that it
// gave, made one that is an error.
func denial(name string, given *metav1.Status) error {
	status := metav1.Status{}
	if given != nil {
		status = *given
	}
	if status.Code < http.StatusBadRequest {
		status.Code = http.StatusBadRequest
	}
	status.Status = metav1.StatusFailure
	prefix := fmt.Sprintf("admission webhook %q denied the request", name)
	switch {
	case status.Message != "":
		status.Message = prefix + ": " + status.Message
	case status.Reason != "":
		status.Message = prefix + ": " + string(status.Reason)
	default:
		status.Message = prefix + " without explanation"
	}
	return &apierrors.StatusError{ErrStatus: status}
}

// settle decides by the failure policy what a failed call means for the
// request.
func (w *Webhooks) settle(ctx context.Context, a *apiserver.Admission, h *webhook, err error, annotation string) error {
	failed, ok := errors.AsType[*failure](err)
	switch {
	case !ok:
		return err
	case !h.ignoresFailure():
		return apierrors.NewInternalError(failed)
	case ctx.Err() != nil:
		return apierrors.NewTimeoutError("request did not complete within requested timeout", 0)
	}
	w.Logger.Warn("a webhook failed and is ignored, as it wishes", "webhook", h.Name, "err", failed.reason)
	a.Annotate(annotation, h.Name)
	return nil
}

// encode writes an object as JSON with its kind; nil as nothing.
func encode(obj api.Object, form *match.Form) (json.RawMessage, error) {
	if obj == nil {
		return nil, nil
	}
	return encodeAs(obj, form.Kind)
}

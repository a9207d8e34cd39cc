package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
)

// errNotReady refuses requests while it is not known which webhooks there are.
var errNotReady = errors.New("not yet ready to handle request")

// mutating calls the mutating webhooks.
type mutating struct{ *Webhooks }

// Validate implements apiserver.Hook.
func (mutating) Validate(context.Context, *apiserver.Admission) error { return nil }

// Mutate implements apiserver.Hook.
func (m mutating) Mutate(ctx context.Context, a *apiserver.Admission) error {
	if match.Exempt(a) {
		return nil
	}
	webhooks, err := m.mutating.get(ctx, a)
	if err != nil || len(webhooks) == 0 {
		return err
	}
	rounds := match.RoundsOf[id](a, m)
	rounds.Begin(a)
	defer rounds.End(a)
	for i, h := range webhooks {
		if err := m.ask(ctx, a, h, i, rounds); err != nil {
			return err
		}
	}
	return nil
}

// ask calls one webhook, if it wants to see the request, and does as it says. One
// that did not want to in the first round is not called in the second.
func (m mutating) ask(ctx context.Context, a *apiserver.Admission, h *webhook, index int, rounds *match.Rounds[id]) error {
	form, err := m.wants(ctx, a, h)
	if form == nil || err != nil || rounds.Skip(a, h.id()) {
		return err
	}
	place := fmt.Sprintf("round_%d_index_%d", round(a), index)
	began := time.Now()
	changed, err := m.change(ctx, a, h, form, place)
	m.metrics.called(a, h, admitting, began, err)
	if changed {
		rounds.Changed(a)
	}
	if h.ReinvocationPolicy != nil && *h.ReinvocationPolicy == admissionregistrationv1.IfNeededReinvocationPolicy {
		rounds.Willing(h.id())
	}
	return m.settle(ctx, a, h, err, "failed-open.mutation.webhook.admission.k8s.io/"+place)
}

func round(a *apiserver.Admission) int {
	if a.Reinvoked() {
		return 1
	}
	return 0
}

// change asks a webhook and puts what it makes of the object in its place.
func (m mutating) change(ctx context.Context, a *apiserver.Admission, h *webhook, form *match.Form, place string) (changed bool, err error) {
	defer func() {
		note(a.Annotate, "mutation.webhook.admission.k8s.io/"+place, map[string]any{
			"configuration": h.configuration, "webhook": h.Name, "mutated": changed,
		})
	}()
	shown, err := form.Show(ctx, a.Object)
	if err != nil {
		return false, apierrors.NewInternalError(err)
	}
	answer, err := m.call(ctx, a, h, form, shown, true)
	if err != nil {
		return false, err
	}
	patch, err := readPatch(h, answer)
	if err != nil || patch == nil {
		return false, err
	}
	if shown == nil {
		return false, apierrors.NewInternalError(fmt.Errorf(
			"admission webhook %q attempted to modify the object, which is not supported for this operation", h.Name))
	}
	patched, _, err := form.Patch(ctx, shown, patch)
	if err != nil {
		return false, apierrors.NewInternalError(err)
	}
	note(a.AnnotateContent, "patch.webhook.admission.k8s.io/"+place, map[string]any{
		"configuration": h.configuration, "webhook": h.Name, "patch": json.RawMessage(answer.Patch), "patchType": "JSONPatch",
	})
	return m.replace(ctx, a, form, patched)
}

// replace makes the patched object the one to be written, and says whether that
// is another.
func (m mutating) replace(ctx context.Context, a *apiserver.Admission, form *match.Form, patched api.Object) (bool, error) {
	obj, err := form.Back(ctx, patched)
	if err != nil {
		return false, apierrors.NewInternalError(err)
	}
	before := api.Clone(a.Object)
	a.Replace(obj)
	return !equality.Semantic.DeepEqual(before, a.Object), nil
}

// readPatch returns the patch in an answer, or nil if it has none.
func readPatch(h *webhook, answer *admissionv1.AdmissionResponse) (jsonpatch.Patch, error) {
	if len(answer.Patch) == 0 {
		return nil, nil
	}
	patch, err := jsonpatch.DecodePatch(answer.Patch)
	switch {
	case err != nil:
		return nil, &failure{h.Name, fmt.Errorf("received undecodable patch in webhook response: %w", err)}
	case len(patch) == 0:
		return nil, nil
	case *answer.PatchType != admissionv1.PatchTypeJSONPatch:
		return nil, &failure{h.Name, fmt.Errorf("unsupported patch type %q", *answer.PatchType)}
	}
	return patch, nil
}

// note adds a value to the audit log as JSON.
func note(annotate func(key, value string), key string, value any) {
	if data, err := json.Marshal(value); err == nil && annotate != nil {
		annotate(key, string(data))
	}
}

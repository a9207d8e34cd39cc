package webhook

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
)

// validating calls the validating webhooks.
type validating struct{ *Webhooks }

// Mutate implements apiserver.Hook.
func (validating) Mutate(context.Context, *apiserver.Admission) error { return nil }

// A question is one for a validating webhook.
type question struct {
	*webhook
	form  *match.Form
	shown api.Object
}

// Validate implements apiserver.Hook.
func (v validating) Validate(ctx context.Context, a *apiserver.Admission) error {
	if match.Exempt(a) {
		return nil
	}
	webhooks, err := v.validating.get(ctx, a)
	if err != nil || len(webhooks) == 0 {
		return err
	}
	questions, err := v.questions(ctx, a, webhooks)
	if err != nil || len(questions) == 0 {
		return err
	}
	return v.ask(ctx, a, questions)
}

// questions finds who wants to see the request, and how.
func (v validating) questions(ctx context.Context, a *apiserver.Admission, webhooks []*webhook) ([]question, error) {
	var questions []question
	for _, h := range webhooks {
		form, err := v.wants(ctx, a, h)
		if err != nil {
			return nil, err
		}
		if form == nil {
			continue
		}
		shown, err := form.Show(ctx, a.Object)
		if err != nil {
			return nil, apierrors.NewInternalError(err)
		}
		questions = append(questions, question{h, form, shown})
	}
	return questions, nil
}

// ask calls all webhooks at once and returns the refusal of the first that
// refuses, by their order.
func (v validating) ask(ctx context.Context, a *apiserver.Admission, questions []question) error {
	one := locked(a)
	errs := make([]error, len(questions))
	var calls sync.WaitGroup
	for i, q := range questions {
		calls.Go(func() {
			began := time.Now()
			_, err := v.call(ctx, one, q.webhook, q.form, q.shown, false)
			v.metrics.called(a, q.webhook, judging, began, err)
			key := fmt.Sprintf("failed-open.validating.webhook.admission.k8s.io/round_0_index_%d", i)
			errs[i] = v.settle(ctx, one, q.webhook, err, key)
		})
	}
	calls.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// locked returns the admission for the use of several goroutines.
func locked(a *apiserver.Admission) *apiserver.Admission {
	var mu sync.Mutex // one warning or annotation at a time
	shared := *a
	shared.Warn = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		a.Warn(text)
	}
	shared.Annotate = func(key, value string) {
		mu.Lock()
		defer mu.Unlock()
		a.Annotate(key, value)
	}
	return &shared
}

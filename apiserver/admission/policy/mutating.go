package policy

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
)

// mutating applies the mutating policies.
type mutating struct{ *Policies }

// Validate implements apiserver.Hook.
func (mutating) Validate(context.Context, *apiserver.Admission) error { return nil }

// A use is one application of a policy: by a binding, with a parameter.
type use struct {
	*mutatingPolicy
	binding *binding
	param   param
	form    *match.Form
}

// key names a use from one round to the next.
type key struct{ policy, binding, param string }

func (u *use) key() key { return key{u.name, u.binding.name, u.param.key()} }

// Mutate implements apiserver.Hook.
func (m mutating) Mutate(ctx context.Context, a *apiserver.Admission) error {
	if match.Exempt(a) {
		return nil
	}
	if err := m.wait(ctx, a); err != nil {
		return err
	}
	all := *m.Policies.mutating.Load()
	if len(all) == 0 {
		return nil
	}
	refusal := &refusal{admission: a}
	uses := m.uses(ctx, a, all, refusal)
	if err := m.apply(ctx, a, uses, refusal); err != nil {
		return err
	}
	return refusal.deliver()
}

// uses returns what is to be applied to a request, in order. It is the object as
// it comes that decides, not what policies make of it.
func (m mutating) uses(ctx context.Context, a *apiserver.Admission, all []*bound[*mutatingPolicy], refusal *refusal) []*use {
	var uses []*use
	for _, p := range all {
		form, kind, err := m.matches(ctx, a, &p.policy.common)
		if err != nil {
			refusal.add(p.policy, nil, fmt.Errorf("failed to configure policy: %w", err), "")
		}
		if form == nil || err != nil {
			continue
		}
		for _, b := range p.bindings {
			params, err := m.bindingParams(ctx, a, b, kind)
			if err != nil {
				refusal.add(p.policy, b, fmt.Errorf("failed to configure binding: %w", err), "")
				continue
			}
			for _, param := range params {
				uses = append(uses, &use{p.policy, b, param, form})
			}
		}
	}
	return uses
}

// apply applies policies one after the other. Those that are to be applied again
// are so in the second round, if somebody else has changed the object.
func (m mutating) apply(ctx context.Context, a *apiserver.Admission, uses []*use, refusal *refusal) error {
	if len(uses) == 0 || a.Object == nil {
		return nil // of a stream, nothing can be changed
	}
	rounds := match.RoundsOf[key](a, m)
	rounds.Begin(a)
	defer rounds.End(a)
	for _, u := range uses {
		wanted, err := m.wanted(ctx, a, u)
		if err != nil {
			refusal.add(u.mutatingPolicy, u.binding, err, metav1.StatusReasonInvalid)
			continue
		}
		if !wanted || rounds.Skip(a, u.key()) {
			continue
		}
		before, began := api.Clone(a.Object), time.Now()
		var failed error
		for i := range u.mutations {
			if err := m.mutate(ctx, a, u, &u.mutations[i]); apierrors.ReasonForError(err) != metav1.StatusReasonUnknown {
				return err
			} else if err != nil {
				failed = err
				refusal.add(u.mutatingPolicy, u.binding, err, metav1.StatusReasonInvalid)
			}
		}
		m.changed.checked(began, u.name, u.binding.name, errorType(failed))
		if !equality.Semantic.DeepEqual(before, a.Object) {
			rounds.Changed(a)
		}
		if u.willing {
			rounds.Willing(u.key())
		}
	}
	return nil
}

// wanted says whether the policy's conditions hold for the object as it is now.
func (m mutating) wanted(ctx context.Context, a *apiserver.Admission, u *use) (bool, error) {
	if u.conditions.Empty() {
		return true, nil
	}
	in, err := m.inputs(ctx, a, u.form)
	if err == nil {
		in.Params, err = u.param.plain()
	}
	if err != nil {
		return false, err
	}
	return u.conditions.Hold(ctx, in)
}

// A refusal collects what went wrong with policies that do not ignore that.
type refusal struct {
	admission *apiserver.Admission
	status    *apierrors.StatusError
}

func (r *refusal) add(p *mutatingPolicy, b *binding, err error, reason metav1.StatusReason) {
	if p.ignoresFailure() {
		return
	}
	message := fmt.Sprintf("policy %q denied request: %v", p.name, err)
	if b != nil {
		message = fmt.Sprintf("policy '%s' with binding '%s' denied request: %v", p.name, b.name, err)
	}
	if r.status == nil {
		r.status = forbidden(r.admission, err)
		r.status.ErrStatus.Message = message
		if reason != "" {
			r.status.ErrStatus.Reason = reason
		}
	}
	r.status.ErrStatus.Details.Causes = append(r.status.ErrStatus.Details.Causes, metav1.StatusCause{Message: message})
}

func (r *refusal) deliver() error {
	if r.status == nil {
		return nil
	}
	return r.status
}

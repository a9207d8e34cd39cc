package policy

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// validating applies the validating policies.
type validating struct{ *Policies }

// Mutate implements apiserver.Hook.
func (validating) Mutate(context.Context, *apiserver.Admission) error { return nil }

// Validate implements apiserver.Hook.
func (v validating) Validate(ctx context.Context, a *apiserver.Admission) error {
	if match.Exempt(a) {
		return nil
	}
	if err := v.wait(ctx, a); err != nil {
		return err
	}
	all := *v.Policies.validating.Load()
	if len(all) == 0 {
		return nil
	}
	verdict := &verdict{admission: a}
	for _, p := range all {
		if err := v.apply(ctx, a, p, verdict); err != nil {
			return err
		}
	}
	return verdict.deliver()
}

// apply evaluates one policy for each of its bindings.
func (v validating) apply(ctx context.Context, a *apiserver.Admission, p *bound[*validatingPolicy], verdict *verdict) error {
	policy := p.policy
	form, kind, err := v.matches(ctx, a, &policy.common)
	if err != nil {
		verdict.misconfigured(policy, nil, err)
		return nil
	}
	if form == nil {
		return nil
	}
	notes := &notes{policy: policy.name}
	for _, b := range p.bindings {
		params, err := v.bindingParams(ctx, a, b, kind)
		if err != nil {
			verdict.misconfigured(policy, b, err)
			continue
		}
		if len(params) == 0 {
			continue
		}
		in, err := v.inputs(ctx, a, form)
		if err != nil {
			verdict.misconfigured(policy, b, err)
			continue
		}
		for _, param := range params {
			if in.Params, err = param.plain(); err != nil {
				verdict.misconfigured(policy, b, err)
				continue
			}
			began := time.Now()
			breaches := policy.judge(ctx, in, notes)
			v.count(policy, b, breaches, began)
			verdict.add(policy, b, breaches)
		}
	}
	notes.publish(a)
	return nil
}

// count adds an evaluation to the figures: once for each thing that comes of it.
func (v validating) count(p *validatingPolicy, b *binding, breaches []breach, began time.Time) {
	if len(breaches) == 0 {
		v.judged.checked(began, p.name, b.name, noError, "allow")
	}
	for _, breach := range breaches {
		if breach.always {
			v.judged.checked(began, p.name, b.name, errorType(breach.err), "deny")
			continue
		}
		for _, action := range b.actions {
			v.judged.checked(began, p.name, b.name, errorType(breach.err), strings.ToLower(string(action)))
		}
	}
}

// matches returns the form in which a policy matches a request, or nil, and the
// kind of its parameters.
func (p *Policies) matches(ctx context.Context, a *apiserver.Admission, c *common) (*match.Form, *api.Resource, error) {
	if c.bad != nil {
		return nil, nil, c.bad
	}
	form, err := p.matcher.Match(ctx, a, c.constraints)
	if form == nil || err != nil {
		return nil, nil, err
	}
	kind, err := p.paramKind(c)
	return form, kind, err
}

// bindingParams returns the parameters to evaluate a policy with; none if the
// binding does not match.
func (p *Policies) bindingParams(ctx context.Context, a *apiserver.Admission, b *binding, kind *api.Resource) ([]param, error) {
	if b.bad != nil {
		return nil, b.bad
	}
	if b.constraints != nil {
		form, err := p.matcher.Match(ctx, a, b.constraints)
		if form == nil || err != nil {
			return nil, err
		}
	}
	return p.collect(ctx, a, kind, b.params)
}

// inputs are what expressions see, but for parameters.
func (p *Policies) inputs(ctx context.Context, a *apiserver.Admission, form *match.Form) (cel.Inputs, error) {
	in, err := form.Inputs(ctx, a)
	if err != nil {
		return in, fmt.Errorf("failed to convert object version: %w", err)
	}
	var namespace *corev1.Namespace
	if namespace, err = p.matcher.Namespace(ctx, a); err != nil {
		return in, err
	}
	if in.Namespace, err = cel.Namespace(namespace); err != nil {
		return in, err
	}
	in.Authorizer, in.RequestResource = cel.Authorizers(p.Authorizer, a)
	return in, nil
}

// plain is what expressions see of a parameter.
func (p param) plain() (map[string]any, error) {
	if p.object == nil {
		return nil, nil
	}
	return cel.Plain(p.object, p.kind)
}

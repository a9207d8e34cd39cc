package apiserver

import (
	"github.com/coracle-k8s/coracle/api"
)

// admission describes a write to the hooks.
func (q *request) admission(op Operation, obj, old api.Object) *Admission {
	return &Admission{
		Operation: op, Resource: q.resource, Subresource: q.info.Subresource,
		Namespace: q.info.Namespace, Name: q.info.Name, User: q.user,
		DryRun: q.options.dryRun, Object: obj, Old: old, Warn: q.warn,
	}
}

// admit lets the hooks change an object and judges the outcome:
//
//	default -> track fields -> mutate -> default -> prepare -> validate -> hooks' validation
//
// Hooks see a complete object; what they add is completed as well, and is
// nobody's: the fields that the client manages are those it sent.
func (q *request) admit(a *Admission, prepare func(), validate func() error) error {
	complete := func() {
		if q.resource.Default != nil {
			q.resource.Default(a.Object)
		}
	}
	complete()
	if err := q.track(a.Object, a.Old); err != nil {
		return err
	}
	if err := q.mutate(a); err != nil {
		return err
	}
	complete()
	prepare()
	if err := validate(); err != nil {
		return err
	}
	return q.judge(a)
}

// admitRaw runs the hooks for what is no write of an object: a delete or a connect.
func (q *request) admitRaw(a *Admission) error {
	if err := q.mutate(a); err != nil {
		return err
	}
	return q.judge(a)
}

func (q *request) mutate(a *Admission) error {
	for _, hook := range q.server.Hooks {
		if err := hook.Mutate(q.Context(), a); err != nil {
			return admissionError(a, err)
		}
	}
	return nil
}

func (q *request) judge(a *Admission) error {
	for _, hook := range q.server.Hooks {
		if err := hook.Validate(q.Context(), a); err != nil {
			return admissionError(a, err)
		}
	}
	return nil
}

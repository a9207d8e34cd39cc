package apiserver

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// admission describes a write to the hooks.
func (q *request) admission(op Operation, obj, old api.Object) *Admission {
	return &Admission{
		Operation: op, Resource: q.resource, Subresource: q.info.Subresource, Kind: q.kind(),
		Namespace: q.info.Namespace, Name: q.info.Name, User: q.user,
		DryRun: q.options.dryRun, Object: obj, Old: old, Options: q.options.object(op),
		Warn: q.warn, Annotate: q.trail.annotate, AnnotateContent: q.trail.annotateContent,
	}
}

// kind returns the kind of what the path is about: the resource's, or its
// subresource's own.
func (q *request) kind() schema.GroupVersionKind {
	if v, found := viewOf(q.resource, q.info.Subresource); found {
		return v.kind
	}
	for _, sub := range q.resource.Subresources {
		if sub.Name == q.info.Subresource {
			return sub.GroupVersionKind
		}
	}
	return q.resource.GroupVersionKind
}

// object returns the query's options as the object that admission sees.
func (o options) object(op Operation) runtime.Object {
	var dryRun []string
	if o.dryRun {
		dryRun = []string{metav1.DryRunAll}
	}
	switch op {
	case Create:
		return &metav1.CreateOptions{DryRun: dryRun, FieldManager: o.fieldManager, FieldValidation: o.fieldValidation}
	case Update:
		return &metav1.UpdateOptions{DryRun: dryRun, FieldManager: o.fieldManager, FieldValidation: o.fieldValidation}
	default:
		return nil
	}
}

// A passage is what is particular to a write on its way through admission.
type passage struct {
	view *view
	// settle makes the object to be stored of what hooks have put in its place.
	settle func(shown api.Object) (api.Object, error)
	// prepare drops what the client and the hooks may not decide.
	prepare  func(obj api.Object)
	validate func(obj api.Object) error
}

// admit lets the hooks change an object, judges the outcome and returns it:
//
//	default -> track fields -> mutate -> default -> prepare -> validate -> hooks' validation
//
// Hooks see a complete object, as the path shows it; what they add is completed
// as well, and is nobody's: the fields that the client manages are those it sent.
func (q *request) admit(op Operation, obj, old api.Object, p passage) (api.Object, error) {
	q.complete(obj)
	if err := q.track(obj, old); err != nil {
		return nil, err
	}
	managers := obj.GetManagedFields()
	a := q.admission(op, p.view.show(obj), nil)
	a.Name = obj.GetName()
	if old != nil {
		a.Old = p.view.show(old)
	}
	if err := q.mutate(a); err != nil {
		return nil, err
	}
	if a.replaced || a.Object != obj {
		settled, err := p.settle(a.Object)
		if err != nil {
			return nil, err
		}
		settled.SetManagedFields(managers)
		obj = settled
	}
	if err := fit(q.resource, obj); err != nil {
		return nil, admissionError(a, err)
	}
	q.complete(obj)
	p.prepare(obj)
	if err := p.validate(obj); err != nil {
		return nil, err
	}
	if p.view.warnings != nil {
		for _, text := range p.view.warnings(obj, old) {
			q.warn(text)
		}
	}
	a.Object, a.Name = p.view.show(obj), obj.GetName()
	return obj, q.judge(a)
}

// complete fills in what is left out.
func (q *request) complete(obj api.Object) {
	if q.resource.Default != nil {
		q.resource.Default(obj)
	}
}

// admitRaw runs the hooks for what is no write of an object: a delete or a connect.
func (q *request) admitRaw(a *Admission) error {
	if err := q.mutate(a); err != nil {
		return err
	}
	return q.judge(a)
}

// mutate lets the hooks change the object, twice if one of them asks for that.
func (q *request) mutate(a *Admission) (err error) {
	defer q.server.metrics.admitted("admit", a.Operation, time.Now(), &err)
	for {
		for _, hook := range q.server.Hooks {
			if err := hook.Mutate(q.Context(), a); err != nil {
				return admissionError(a, err)
			}
		}
		if a.reinvoke != AskedToReinvoke {
			return nil
		}
		a.reinvoke = Reinvoked
	}
}

// judge asks the hooks whether the object may be.
func (q *request) judge(a *Admission) (err error) {
	defer q.server.metrics.admitted("validate", a.Operation, time.Now(), &err)
	for _, hook := range q.server.Hooks {
		if err := hook.Validate(q.Context(), a); err != nil {
			return admissionError(a, err)
		}
	}
	return nil
}

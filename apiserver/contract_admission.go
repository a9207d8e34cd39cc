package apiserver

import (
	"context"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// An Operation is what a request does to an object, as admission sees it.
type Operation string

// The operations that admission sees.
const (
	Create  Operation = "CREATE"
	Update  Operation = "UPDATE"
	Delete  Operation = "DELETE"
	Connect Operation = "CONNECT"
)

// An Admission is a request on its way to the store, or into a pod. It belongs
// to one request and one attempt at it: one that meets a conflict starts over
// with a new one.
type Admission struct {
	Operation Operation
	// Resource is the one that the request names, in the version that it names.
	Resource    *api.Resource
	Subresource string
	// Kind is that of Object: the resource's, or the subresource's own, such
	// as Scale, Binding or PodExecOptions.
	Kind schema.GroupVersionKind
	// Namespace and Name are those of the object. A namespace is in itself,
	// except while it is being created.
	Namespace, Name string
	User            *User
	DryRun          bool
	// Object is the object to be written; mutating hooks change it in place,
	// or all of it at once with [Admission.Replace]. Nil for Delete and
	// Connect. Old is what it replaces or deletes, which nobody may change;
	// nil for Create and Connect.
	Object, Old api.Object
	// Options are the request's own: CreateOptions, UpdateOptions (for a patch,
	// too) or DeleteOptions; for a Connect those of the stream, such as
	// PodExecOptions.
	Options runtime.Object
	// Warn adds a warning to the response.
	Warn func(text string)
	// Annotate adds to what the audit log says of the request. The first
	// value of a key stays.
	Annotate func(key, value string)
	// AnnotateContent is Annotate for a value that shows of the object itself: it
	// is kept only where the request's object is.
	AnnotateContent func(key, value string)

	reinvoke Reinvocation
	replaced bool
	notes    map[any]any
}

// A Reinvocation says whether the hooks mutate an object for a second time.
type Reinvocation int

// Mutation is done once, unless a hook asks for more; there is no third time.
const (
	NotReinvoked Reinvocation = iota
	AskedToReinvoke
	Reinvoked
)

// Replace makes obj, which is of the same type, the object to be written, and
// completes it with the defaults of its kind. Whoever holds a.Object holds the
// new one from now on.
func (a *Admission) Replace(obj api.Object) {
	reflect.ValueOf(a.Object).Elem().Set(reflect.ValueOf(obj).Elem())
	forgetKind(a.Object)
	if a.Kind == a.Resource.GroupVersionKind && a.Resource.Default != nil {
		a.Resource.Default(a.Object)
	}
	a.replaced = true
}

// NameObject gives a new object the name that the server makes of its
// generateName. It has none before that: the server does this after the mutating
// hooks, so that they see what the client has sent, unless one must know the name.
func (a *Admission) NameObject() { generateName(a.Object) }

// Reinvoke asks for a second round: once all hooks have mutated the object they
// all do so again, since somebody from outside may have undone what they did.
// In that round it does nothing.
func (a *Admission) Reinvoke() {
	if a.reinvoke == NotReinvoked {
		a.reinvoke = AskedToReinvoke
	}
}

// Reinvoked says that this is the second round.
func (a *Admission) Reinvoked() bool { return a.reinvoke == Reinvoked }

// Note returns what a hook has noted under a key of a type of its own, or nil.
func (a *Admission) Note(key any) any { return a.notes[key] }

// SetNote keeps something from one round, or one phase, for the next.
func (a *Admission) SetNote(key, value any) {
	if a.notes == nil {
		a.notes = map[any]any{}
	}
	a.notes[key] = value
}

// A Hook takes part in admission. Hooks run in order: first Mutate of each,
// then defaulting and validation, then Validate of each. An error that is an
// API status is returned to the client as it is, any other as 403 Forbidden.
// A hook must be safe for concurrent use. Embedders add their own with
// [MutateFunc] and [ValidateFunc].
type Hook interface {
	Mutate(ctx context.Context, a *Admission) error
	Validate(ctx context.Context, a *Admission) error
}

// MutateFunc is a hook that only mutates.
type MutateFunc func(ctx context.Context, a *Admission) error

// Mutate implements Hook.
func (f MutateFunc) Mutate(ctx context.Context, a *Admission) error { return f(ctx, a) }

// Validate implements Hook.
func (f MutateFunc) Validate(context.Context, *Admission) error { return nil }

// ValidateFunc is a hook that only validates.
type ValidateFunc func(ctx context.Context, a *Admission) error

// Mutate implements Hook.
func (f ValidateFunc) Mutate(context.Context, *Admission) error { return nil }

// Validate implements Hook.
func (f ValidateFunc) Validate(ctx context.Context, a *Admission) error { return f(ctx, a) }

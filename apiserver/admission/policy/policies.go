package policy

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Options say what policies are made of. Storage is required.
type Options struct {
	// Storage holds the policies, their bindings and parameters.
	Storage *apiserver.Storage
	// Authorizer answers expressions that ask it; nil allows nothing.
	Authorizer apiserver.Authorizer
	// Logger gets what goes wrong and is ignored; nil discards it.
	Logger *slog.Logger
}

// Policies applies those that the cluster's objects define.
type Policies struct {
	Options
	objects apiserver.Objects
	matcher match.Matcher
	mergers mergers
	// judged and changed count what the two sorts of policies do.
	judged, changed *metrics

	mu    sync.Mutex // guards the fields below
	found [4]kindFound
	seen  int           // how many kinds have been seen
	known chan struct{} // closed when all have

	validating atomic.Pointer[[]*bound[*validatingPolicy]]
	mutating   atomic.Pointer[[]*bound[*mutatingPolicy]]
}

// kindFound are the objects of one kind, compiled.
type kindFound struct {
	seen     bool
	compiled map[api.Object]any
}

// A bound policy is one with the bindings that put it to use.
type bound[P any] struct {
	policy   P
	bindings []*binding
}

// New returns policies without any, until Run finds them.
func New(opts Options) *Policies {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	objects := opts.Storage.Objects()
	return &Policies{
		Options: opts, objects: objects, known: make(chan struct{}),
		judged: newMetrics("validating", "enforcement_action"), changed: newMetrics("mutating"),
		matcher: match.Matcher{Objects: objects, Resources: opts.Storage.Resources()},
	}
}

// Mutating returns the hook of the mutating policies, Validating that of the
// others. They have different places in the order of hooks.
func (p *Policies) Mutating() apiserver.Hook { return mutating{p} }

// Validating: see Mutating.
func (p *Policies) Validating() apiserver.Hook { return validating{p} }

// Run follows policies and bindings until ctx ends.
func (p *Policies) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for i, kind := range []struct {
		resource *api.Resource
		compile  func(api.Object) any
	}{
		{typed.Resource[*admissionv1.ValidatingAdmissionPolicy](), compileValidating},
		{typed.Resource[*admissionv1.ValidatingAdmissionPolicyBinding](), compileValidatingBinding},
		{typed.Resource[*admissionv1.MutatingAdmissionPolicy](), compileMutating},
		{typed.Resource[*admissionv1.MutatingAdmissionPolicyBinding](), compileMutatingBinding},
	} {
		g.Go(func() error {
			return p.Storage.Follow(ctx, kind.resource, func(objects []api.Object) { p.set(i, objects, kind.compile) })
		})
	}
	return g.Wait()
}

// set takes in the objects of one kind. Those of the cache do not change, so the
// same object needs no compiling again.
func (p *Policies) set(kind int, objects []api.Object, compile func(api.Object) any) {
	p.mu.Lock()
	before := p.found[kind].compiled
	p.mu.Unlock()
	compiled := make(map[api.Object]any, len(objects))
	for _, obj := range objects {
		if compiled[obj] = before[obj]; compiled[obj] == nil {
			compiled[obj] = compile(obj)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.found[kind].seen
	p.found[kind] = kindFound{seen: true, compiled: compiled}
	validating := join[*validatingPolicy](p.found[0], p.found[1])
	mutating := join[*mutatingPolicy](p.found[2], p.found[3])
	p.validating.Store(&validating)
	p.mutating.Store(&mutating)
	if first {
		if p.seen++; p.seen == len(p.found) {
			close(p.known)
		}
	}
}

// join returns the policies that have bindings, by name.
func join[P any](policies, bindings kindFound) []*bound[P] {
	byPolicy := map[string][]*binding{}
	for _, compiled := range bindings.compiled {
		b := compiled.(*binding)
		byPolicy[b.policy] = append(byPolicy[b.policy], b)
	}
	names := map[*bound[P]]string{}
	var all []*bound[P]
	for obj, compiled := range policies.compiled {
		if own := byPolicy[obj.GetName()]; len(own) > 0 {
			slices.SortFunc(own, func(a, b *binding) int { return cmp.Compare(a.name, b.name) })
			one := &bound[P]{policy: compiled.(P), bindings: own}
			names[one] = obj.GetName()
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b *bound[P]) int { return cmp.Compare(names[a], names[b]) })
	return all
}

// wait returns when it is known which policies there are.
func (p *Policies) wait(ctx context.Context, a *apiserver.Admission) error {
	select {
	case <-p.known:
		return nil
	case <-ctx.Done():
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, errors.New("not yet ready to handle request"))
	}
}

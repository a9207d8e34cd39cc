package webhook

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/match"
	"github.com/coracle-k8s/coracle/apiserver/cel"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Options say what webhooks are made of. Storage is required.
type Options struct {
	// Storage holds the configurations, namespaces, services and endpoints.
	Storage *apiserver.Storage
	// Authorizer answers conditions that ask it; nil allows nothing.
	Authorizer apiserver.Authorizer
	// Dial connects to the endpoints of services, which are pods. Nil means over
	// the machine's network. Webhooks with a URL are always reached over that.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger gets what goes wrong and is ignored; nil discards it.
	Logger *slog.Logger
}

// Webhooks calls those that the cluster's objects configure.
type Webhooks struct {
	Options
	matcher              match.Matcher
	mutating, validating list
	metrics              *metrics
}

// New returns webhooks without any, until Run finds them.
func New(opts Options) *Webhooks {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Webhooks{
		Options:    opts,
		matcher:    match.Matcher{Objects: opts.Storage.Objects(), Resources: opts.Storage.Resources()},
		mutating:   list{seen: make(chan struct{})},
		validating: list{seen: make(chan struct{})},
		metrics:    newMetrics(),
	}
}

// Mutating returns the hook that calls mutating webhooks, Validating that for the
// others. They have different places in the order of hooks.
func (w *Webhooks) Mutating() apiserver.Hook { return mutating{w} }

// Validating: see Mutating.
func (w *Webhooks) Validating() apiserver.Hook { return validating{w} }

// Run follows the configurations until ctx ends.
func (w *Webhooks) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer w.mutating.close()
		return w.Storage.Follow(ctx, typed.Resource[*admissionv1.MutatingWebhookConfiguration](), func(objects []api.Object) {
			w.mutating.set(objects, w.compileMutating)
		})
	})
	g.Go(func() error {
		defer w.validating.close()
		return w.Storage.Follow(ctx, typed.Resource[*admissionv1.ValidatingWebhookConfiguration](), func(objects []api.Object) {
			w.validating.set(objects, w.compileValidating)
		})
	})
	return g.Wait()
}

// A list is the webhooks of one kind, in the order in which they are called.
type list struct {
	webhooks atomic.Pointer[[]*webhook]
	seen     chan struct{} // closed when webhooks is set for the first time
	once     sync.Once
	compiled map[api.Object][]*webhook // by configuration; only Run uses it
}

// get returns the webhooks, when it is known which there are.
func (l *list) get(ctx context.Context, a *apiserver.Admission) ([]*webhook, error) {
	select {
	case <-l.seen:
		return *l.webhooks.Load(), nil
	case <-ctx.Done():
		return nil, apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, errNotReady)
	}
}

// set compiles the configurations that have changed and drops those that are
// gone. Objects of the cache do not change, so the same object is the same
// configuration.
func (l *list) set(configurations []api.Object, compile func(api.Object) []*webhook) {
	slices.SortFunc(configurations, func(a, b api.Object) int { return cmp.Compare(a.GetName(), b.GetName()) })
	before := l.compiled
	l.compiled = map[api.Object][]*webhook{}
	var all []*webhook
	for _, c := range configurations {
		compiled, known := before[c]
		if !known {
			compiled = compile(c)
		}
		delete(before, c)
		l.compiled[c] = compiled
		all = append(all, compiled...)
	}
	l.webhooks.Store(&all)
	l.once.Do(func() { close(l.seen) })
	drop(before)
}

// close lets go of the connections.
func (l *list) close() { drop(l.compiled) }

func drop(compiled map[api.Object][]*webhook) {
	for _, webhooks := range compiled {
		for _, w := range webhooks {
			w.caller.Close()
		}
	}
}

// A webhook is one entry of a configuration, ready for use. A validating one has no
// reinvocation policy and is otherwise the same.
type webhook struct {
	admissionv1.MutatingWebhook
	configuration string
	index         int
	constraints   *match.Constraints
	conditions    *match.Conditions // nil if there are none
	caller        *Caller
	bad           error // why the constraints cannot be used
}

// id names a webhook across changes of the object.
type id struct {
	configuration, name string
	index               int
}

func (h *webhook) id() id { return id{h.configuration, h.Name, h.index} }

func (h *webhook) ignoresFailure() bool {
	return h.FailurePolicy != nil && *h.FailurePolicy == admissionv1.Ignore
}

func (w *Webhooks) compileMutating(obj api.Object) []*webhook {
	var all []*webhook
	for i, h := range obj.(*admissionv1.MutatingWebhookConfiguration).Webhooks {
		all = append(all, w.compile(obj.GetName(), i, h))
	}
	return all
}

func (w *Webhooks) compileValidating(obj api.Object) []*webhook {
	var all []*webhook
	for i, h := range obj.(*admissionv1.ValidatingWebhookConfiguration).Webhooks {
		all = append(all, w.compile(obj.GetName(), i, admissionv1.MutatingWebhook{
			Name: h.Name, ClientConfig: h.ClientConfig, Rules: h.Rules, FailurePolicy: h.FailurePolicy,
			MatchPolicy: h.MatchPolicy, NamespaceSelector: h.NamespaceSelector, ObjectSelector: h.ObjectSelector,
			SideEffects: h.SideEffects, TimeoutSeconds: h.TimeoutSeconds,
			AdmissionReviewVersions: h.AdmissionReviewVersions, MatchConditions: h.MatchConditions,
		}))
	}
	return all
}

func (w *Webhooks) compile(configuration string, index int, h admissionv1.MutatingWebhook) *webhook {
	compiled := &webhook{MutatingWebhook: h, configuration: configuration, index: index, caller: NewCaller(w.matcher.Objects, w.Dial, &h.ClientConfig)}
	compiled.constraints, compiled.bad = match.Compile(admissionv1.MatchResources{
		ResourceRules: match.Named(h.Rules), MatchPolicy: h.MatchPolicy,
		NamespaceSelector: h.NamespaceSelector, ObjectSelector: h.ObjectSelector,
	})
	if len(h.MatchConditions) > 0 {
		compiled.conditions = match.CompileConditions(cel.NewCompiler(true), h.MatchConditions,
			cel.Names{Authorizer: true}, h.FailurePolicy)
	}
	return compiled
}

// wants says in which form a webhook wants to see a request; nil if it does not.
func (w *Webhooks) wants(ctx context.Context, a *apiserver.Admission, h *webhook) (*match.Form, error) {
	if h.bad != nil {
		return nil, apierrors.NewInternalError(h.bad)
	}
	form, err := w.matcher.Match(ctx, a, h.constraints)
	if form == nil || err != nil || h.conditions == nil {
		return form, err
	}
	in, err := w.inputs(ctx, a, form)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	holds, err := h.conditions.Hold(ctx, in)
	switch {
	case err != nil:
		return nil, apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, err)
	case !holds:
		return nil, nil
	}
	return form, nil
}

// inputs are what conditions can see. namespaceObject is null for them.
func (w *Webhooks) inputs(ctx context.Context, a *apiserver.Admission, form *match.Form) (cel.Inputs, error) {
	in, err := form.Inputs(ctx, a)
	if err == nil {
		in.Authorizer, in.RequestResource = cel.Authorizers(w.Authorizer, a)
	}
	return in, err
}

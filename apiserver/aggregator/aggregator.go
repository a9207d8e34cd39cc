package aggregator

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime/schema"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Options say what an aggregator works with.
type Options struct {
	// Storage has the APIServices, and the Services that they name. Required.
	Storage *apiserver.Storage
	// Groups are served by this server beside the resources of the storage.
	Groups []apiserver.Group
	// Certificate is the front proxy's, by which servers behind know us. Nil
	// means that we have none: then they will believe nothing.
	Certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
	// Dial reaches pods; nil means over the machine's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger gets what goes wrong. Nil discards.
	Logger *slog.Logger
}

// An Aggregator passes requests for groups that others serve on to them. It
// implements [apiserver.Remotes].
type Aggregator struct {
	opts       Options
	objects    apiserver.Objects
	status     apiserver.Objects // for writes of the status
	backends   atomic.Pointer[map[schema.GroupVersion]*backend]
	priorities atomic.Pointer[map[string]apiserver.Priority]
	kick       chan struct{} // has room for one: the local APIServices are to be looked after
	changed    chan []api.Object
}

var _ apiserver.Remotes = (*Aggregator)(nil)

// New returns an aggregator that does not run yet.
func New(opts Options) (*Aggregator, error) {
	if opts.Storage == nil {
		return nil, errors.New("new aggregator: no storage")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Dial == nil {
		opts.Dial = (&net.Dialer{}).DialContext
	}
	return &Aggregator{
		opts: opts, objects: opts.Storage.Managed("kube-apiserver", ""), status: opts.Storage.Managed("kube-apiserver", "status"),
		kick: make(chan struct{}, 1), changed: make(chan []api.Object),
	}, nil
}

// Run follows the APIServices until ctx ends.
func (a *Aggregator) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { a.keepBackends(ctx) })
	parts.Go(func() { a.keepLocal(ctx) })
	if r := a.customDefinitions(); r != nil {
		parts.Go(func() { _ = a.opts.Storage.Follow(ctx, r, func([]api.Object) { a.look() }) })
	}
	return a.opts.Storage.Follow(ctx, typed.Resource[*apiregistrationv1.APIService](), func(objects []api.Object) {
		a.priorities.Store(prioritiesOf(objects))
		a.look()
		select {
		case a.changed <- objects:
		case <-ctx.Done():
		}
	})
}

// customDefinitions is the kind whose objects make further groups, if it is served.
func (a *Aggregator) customDefinitions() *api.Resource {
	return a.opts.Storage.Resources().Resource(schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	})
}

// look has the local APIServices looked after.
func (a *Aggregator) look() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// keepBackends runs a backend for each APIService that names a Service.
func (a *Aggregator) keepBackends(ctx context.Context) {
	type running struct {
		*backend
		stop context.CancelFunc
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	have := map[schema.GroupVersion]running{}
	for {
		var objects []api.Object
		select {
		case objects = <-a.changed:
		case <-ctx.Done():
			return
		}
		next := map[schema.GroupVersion]*backend{}
		for _, obj := range objects {
			service := obj.(*apiregistrationv1.APIService)
			if service.Spec.Service == nil || service.Spec.Group == "" {
				continue
			}
			gv := schema.GroupVersion{Group: service.Spec.Group, Version: service.Spec.Version}
			b := have[gv]
			if b.backend == nil || !reflect.DeepEqual(b.spec, service.Spec) {
				if b.stop != nil {
					b.stop()
				}
				runs, stop := context.WithCancel(ctx)
				b = running{backend: a.newBackend(service), stop: stop}
				tasks.Go(func() { b.run(runs) })
				have[gv] = b
			}
			next[gv] = b.backend
		}
		for gv, b := range have {
			if next[gv] == nil {
				b.stop()
				delete(have, gv)
			}
		}
		if len(next) == 0 {
			a.backends.Store(nil)
		} else {
			a.backends.Store(&next)
		}
	}
}

// current returns the backends there are. The map must not be changed.
func (a *Aggregator) current() map[schema.GroupVersion]*backend {
	if current := a.backends.Load(); current != nil {
		return *current
	}
	return nil
}

// Handler implements apiserver.Remotes.
func (a *Aggregator) Handler(gv schema.GroupVersion) http.Handler {
	if b := a.current()[gv]; b != nil {
		return b
	}
	return nil
}

package proxy

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/coracle-k8s/coracle/client"
)

// Config is what a [Proxy] needs.
type Config struct {
	// NodeName is the node whose endpoints count as local.
	NodeName string
	Client   *client.Client
	Backend  Backend
	Logger   *slog.Logger // nil: none
	// MinInterval is the least time between two syncs, so that a burst of
	// changes becomes one; by default 50 ms. A first change after a pause is
	// not delayed.
	MinInterval time.Duration
}

// A Proxy keeps a backend's rules the same as what the API server says.
type Proxy struct {
	cfg      Config
	services *client.Informer[*corev1.Service]
	slices   *client.Informer[*discoveryv1.EndpointSlice]
	changed  chan struct{} // holds one token while there is something to sync
}

// New returns a proxy that does nothing yet.
func New(cfg Config) *Proxy {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.MinInterval == 0 {
		cfg.MinInterval = 50 * time.Millisecond
	}
	p := &Proxy{
		cfg: cfg,
		// The labels say that somebody else proxies the Service.
		services: client.NewInformer(cfg.Client, client.InformerOptions[*corev1.Service]{
			LabelSelector: "!service.kubernetes.io/service-proxy-name",
		}),
		slices: client.NewInformer(cfg.Client, client.InformerOptions[*discoveryv1.EndpointSlice]{
			LabelSelector: "!service.kubernetes.io/headless",
		}),
		changed: make(chan struct{}, 1),
	}
	p.services.OnChange(func(_, _ *corev1.Service) { p.poke() })
	p.slices.OnChange(func(_, _ *discoveryv1.EndpointSlice) { p.poke() })
	return p
}

// Run follows the API server until ctx ends. The rules stay as they are then:
// connections go on while a proxy is restarted.
func (p *Proxy) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.services.Run(ctx) })
	g.Go(func() error { return p.slices.Run(ctx) })
	g.Go(func() error { return p.loop(ctx) })
	return g.Wait()
}

func (p *Proxy) poke() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *Proxy) loop(ctx context.Context) error {
	// Half the objects would make rules that refuse connections.
	for _, synced := range []<-chan struct{}{p.services.Synced(), p.slices.Synced()} {
		select {
		case <-synced:
		case <-ctx.Done():
			return nil
		}
	}
	p.poke()
	for {
		select {
		case <-p.changed:
		case <-ctx.Done():
			return nil
		}
		p.sync(ctx)
		select {
		case <-time.After(p.cfg.MinInterval):
		case <-ctx.Done():
			return nil
		}
	}
}

// sync hands the present table to the backend, and has another try later when
// that fails.
func (p *Proxy) sync(ctx context.Context) {
	table := Build(p.services.List("", nil), p.slices.List("", nil), p.cfg.NodeName)
	if err := p.cfg.Backend.Sync(ctx, table); err != nil && ctx.Err() == nil {
		p.cfg.Logger.Error("sync service rules", "node", p.cfg.NodeName, "error", err)
		p.poke()
	}
}

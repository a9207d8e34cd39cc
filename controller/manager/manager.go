package manager

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/certificates"
	"github.com/coracle-k8s/coracle/controller/volume"
)

// Options say which controllers run and how. The zero value runs all of them.
type Options struct {
	// RootCA are the certificates (PEM) by which pods know the API server.
	// Without any, kube-root-ca.crt is not published.
	RootCA []byte
	// Authority signs the certificates that are asked for. Nil means that
	// approved requests wait for another signer.
	Authority certificates.Authority
	// AutoscaleInterval is how often autoscalers decide; zero means every 15 s.
	AutoscaleInterval time.Duration
	// NodeGrace is how long a node may be silent before it counts as dead; zero
	// means 40 s.
	NodeGrace time.Duration
	// Volumes says where volumes for claims are made. Nil means that none are:
	// claims then wait for volumes that others make.
	Volumes *volume.ProvisionerConfig
	// Logger is where controllers report; nil means nowhere.
	Logger *slog.Logger
	// Metrics counts what controllers do; nil does not.
	Metrics *controller.Metrics
	// Leader, if not nil, is the Lease to hold before working.
	Leader *client.LeadOptions
	// Without names controllers to leave out.
	Without []string
	// Extra are run besides the built-in ones.
	Extra []Constructor
}

// A Manager runs controllers. Make it with [New] and run it once.
type Manager struct {
	client      *client.Client
	opts        Options
	controllers []Constructor
}

// New returns a manager of the built-in controllers and those of the options.
// It panics if Without names a controller that does not exist, since only a
// mistake in the program leads there; check names of users against [Builtin].
func New(c *client.Client, opts Options) *Manager {
	m := &Manager{client: c, opts: opts}
	if m.opts.Logger == nil {
		m.opts.Logger = slog.New(slog.DiscardHandler)
	}
	all := append(Builtin(), opts.Extra...)
	for _, name := range opts.Without {
		if !slices.ContainsFunc(all, func(c Constructor) bool { return c.Name == name }) {
			panic(fmt.Sprintf("manager.New: there is no controller %q to leave out", name))
		}
	}
	for _, constructor := range all {
		idle := (constructor.Name == rootCA || constructor.Name == accountTokens) && len(opts.RootCA) == 0 ||
			constructor.Name == provisioner && opts.Volumes == nil ||
			constructor.Name == signing && opts.Authority == nil
		if !idle && !slices.Contains(opts.Without, constructor.Name) {
			m.controllers = append(m.controllers, constructor)
		}
	}
	return m
}

// Controllers returns the names of the controllers that Run runs.
func (m *Manager) Controllers() []string {
	var names []string
	for _, constructor := range m.controllers {
		names = append(names, constructor.Name)
	}
	return names
}

// Run runs the controllers until the context ends, and returns when all have
// ended. With leader election it waits for the lead first; if the lead is lost,
// it returns [client.ErrLostLead]: make a new manager then, or exit.
func (m *Manager) Run(ctx context.Context) error {
	if m.opts.Leader == nil {
		return m.work(ctx)
	}
	err := client.Lead(ctx, m.client, *m.opts.Leader, m.work)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (m *Manager) work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	informers := client.NewInformers(m.client)
	for _, constructor := range m.controllers {
		recorder := client.NewRecorder(m.client, constructor.Name, "")
		runner := constructor.New(Env{
			Client: m.client, Informers: informers, RootCA: m.opts.RootCA, Authority: m.opts.Authority,
			AutoscaleInterval: m.opts.AutoscaleInterval, NodeGrace: m.opts.NodeGrace, Volumes: m.opts.Volumes,
			Options: controller.Options{Logger: m.opts.Logger, Metrics: m.opts.Metrics, Recorder: recorder},
		})
		group.Go(func() error { return recorder.Run(ctx) })
		group.Go(func() error {
			if err := runner.Run(ctx); err != nil {
				return fmt.Errorf("run %s: %w", constructor.Name, err)
			}
			return nil
		})
	}
	group.Go(func() error { return informers.Run(ctx) })
	return group.Wait()
}

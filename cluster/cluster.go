package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/manager"
	"github.com/coracle-k8s/coracle/controller/volume"
	"github.com/coracle-k8s/coracle/kubelet"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store"
)

// A Backend makes nodes: what is behind their kubelets.
type Backend interface {
	// Open prepares what the nodes share.
	Open(ctx context.Context, c *Cluster) (Access, error)
	// RunShared runs what the nodes share until ctx ends: names, above all.
	RunShared(ctx context.Context, c *Cluster) error
	// RunNode runs the node with the given number, from 1, until ctx ends. If
	// the cause of that is ErrStopped, its pods end too. started is called with
	// its kubelet once that exists.
	RunNode(ctx context.Context, c *Cluster, node NodeConfig, index int, started func(*kubelet.Kubelet)) error
	// Close removes what Open made, after everything has ended.
	Close() error
}

// Access is how an API server and the nodes of a [Backend] reach each other.
type Access struct {
	// Nodes reaches kubelets, Pods pods at their addresses.
	Nodes apiserver.NodeTransport
	Pods  http.RoundTripper
	// Listeners are where nodes and pods reach the API, Advertise the address
	// that pods are told. None: not at all.
	Listeners []net.Listener
	Advertise netip.AddrPort
	// VolumeDir is where volumes for claims are made, the same path on every
	// node. Empty: none are made.
	VolumeDir string
}

// ErrStopped is why a node ends that [Cluster.StopNode] stops.
var ErrStopped = errors.New("the node was stopped")

// ErrNoNode says that the cluster has no node of that name.
var ErrNoNode = errors.New("no such node")

// A Cluster is a control plane with its nodes. Make it with [New] and Run it
// once. Its methods are safe for concurrent use.
type Cluster struct {
	cfg   Config
	store store.Store
	api   atomic.Pointer[API]
	ready chan struct{}
	// restores are the requests to go on with another store.
	restores chan restore

	mu    sync.Mutex // guards the field below
	nodes map[string]*node
}

// A node is one that the cluster knows, running or not.
type node struct {
	NodeConfig
	index   int
	kubelet *kubelet.Kubelet // nil while it does not run
	stop    context.CancelCauseFunc
	stopped chan struct{} // closed when it has ended
	start   chan struct{} // takes a token to start it again
}

// New returns a cluster that does not run yet.
func New(cfg Config) (*Cluster, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Backend == nil {
		cfg.Backend = NewMemory(MemoryConfig{})
	}
	c := &Cluster{cfg: cfg, store: cfg.Store, ready: make(chan struct{}), restores: make(chan restore), nodes: map[string]*node{}}
	if c.store == nil {
		c.store = memoryStore()
	}
	for i, n := range cfg.Nodes {
		c.nodes[n.Name] = &node{NodeConfig: n, index: i + 1, start: make(chan struct{}, 1)}
	}
	return c, nil
}

// Config returns the cluster's configuration with its defaults filled in.
func (c *Cluster) Config() Config { return c.cfg }

// Ready is closed when the API answers.
func (c *Cluster) Ready() <-chan struct{} { return c.ready }

// Run runs the cluster until ctx ends. It returns when all of it has ended.
func (c *Cluster) Run(ctx context.Context) (err error) {
	if c.cfg.Store == nil {
		defer c.store.Close()
	}
	access, err := c.cfg.Backend.Open(ctx, c)
	defer func() { err = errors.Join(err, c.cfg.Backend.Close()) }()
	if err != nil {
		return err
	}
	if err := c.newAPI(access); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := c.runAPI(ctx, access); err != nil && ctx.Err() == nil {
			return fmt.Errorf("apiserver: %w", err)
		}
		return nil
	})
	// The parts could wait for the API by themselves, but not without complaints.
	part := func(name string, run func(context.Context) error) {
		g.Go(func() error {
			select {
			case <-c.ready:
			case <-ctx.Done():
				return nil
			}
			if err := run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	if c.cfg.with(ControllerManager) {
		part(ControllerManager, func(ctx context.Context) error { return c.runControllers(ctx, access) })
	}
	if c.cfg.with(Scheduler) {
		part(Scheduler, func(ctx context.Context) error {
			return RunScheduler(ctx, c.Client(pki.UserScheduler), c.cfg.Logger)
		})
	}
	part("first objects", c.addons)
	part("nodes", func(ctx context.Context) error { return c.cfg.Backend.RunShared(ctx, c) })
	for _, n := range c.nodes {
		part("node "+n.Name, func(ctx context.Context) error { return c.runNode(ctx, n) })
	}
	return g.Wait()
}

func (c *Cluster) runControllers(ctx context.Context, access Access) error {
	opts := manager.Options{
		RootCA: c.cfg.PKI.CAPEM(), Authority: c.cfg.PKI, NodeGrace: c.cfg.NodeGrace, AutoscaleInterval: c.cfg.AutoscaleInterval,
		Logger: c.cfg.Logger,
	}
	if access.VolumeDir != "" {
		opts.Volumes = &volume.ProvisionerConfig{Dir: access.VolumeDir}
	}
	return RunControllers(ctx, c.Client(pki.UserControllerManager), opts)
}

// runNode runs a node, and again after each time that somebody stopped it and
// wants it back.
func (c *Cluster) runNode(ctx context.Context, n *node) error {
	for {
		running, cancel := context.WithCancelCause(ctx)
		stopped := make(chan struct{})
		c.mu.Lock()
		n.stop, n.stopped = cancel, stopped
		c.mu.Unlock()
		err := c.cfg.Backend.RunNode(running, c, n.NodeConfig, n.index, func(k *kubelet.Kubelet) {
			c.mu.Lock()
			defer c.mu.Unlock()
			n.kubelet = k
		})
		byUs := running.Err() != nil
		cancel(nil)
		c.mu.Lock()
		n.kubelet = nil
		c.mu.Unlock()
		close(stopped)
		if err != nil && !byUs {
			return err
		}
		select {
		case <-n.start:
		case <-ctx.Done():
			return nil
		}
	}
}

// StopNode ends a node's kubelet and its pods, as if the machine had lost power:
// nobody is told. It returns when they have ended.
func (c *Cluster) StopNode(name string) error {
	c.mu.Lock()
	n := c.nodes[name]
	if n == nil || n.stop == nil {
		c.mu.Unlock()
		return fmt.Errorf("stop node %s: %w", name, ErrNoNode)
	}
	stop, stopped := n.stop, n.stopped
	c.mu.Unlock()
	stop(ErrStopped)
	<-stopped
	return nil
}

// StartNode starts a node again that was stopped.
func (c *Cluster) StartNode(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[name]
	if n == nil {
		return fmt.Errorf("start node %s: %w", name, ErrNoNode)
	}
	select {
	case n.start <- struct{}{}:
	default:
	}
	return nil
}

// Client returns a client with the identity of a user, in memory.
func (c *Cluster) Client(user string, groups ...string) *client.Client {
	built, err := client.New(client.Config{
		BaseURL: "http://coracle", Transport: c.Transport(user, groups...), UserAgent: user,
	})
	if err != nil {
		panic(fmt.Sprintf("cluster: a client of a constant address: %v", err))
	}
	return built
}

// Transport carries requests of a user to the API server, in memory: what is
// below Client.
func (c *Cluster) Transport(user string, groups ...string) http.RoundTripper {
	identity := &apiserver.User{Name: user, Groups: append(slices.Clone(groups), "system:authenticated")}
	transport := client.InMemory(auth.As(identity, http.HandlerFunc(c.serve)))
	if c.cfg.Wrap != nil {
		return c.cfg.Wrap(user, transport)
	}
	return transport
}

// Admin returns a client that may do everything.
func (c *Cluster) Admin() *client.Client { return c.Client(pki.UserAdmin, pki.GroupMasters) }

// serve hands a request to the API server that there is at the moment.
func (c *Cluster) serve(w http.ResponseWriter, r *http.Request) {
	api := c.api.Load()
	if api == nil {
		http.Error(w, "the API server has not started", http.StatusServiceUnavailable)
		return
	}
	api.ServeHTTP(w, r)
}

// kubeletOf returns the running kubelet of a node, or nil.
func (c *Cluster) kubeletOf(name string) *kubelet.Kubelet {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil {
		return n.kubelet
	}
	return nil
}

package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/admission/bootstrap"
	"github.com/coracle-k8s/coracle/apiserver/admission/policy"
	"github.com/coracle-k8s/coracle/apiserver/admission/webhook"
	"github.com/coracle-k8s/coracle/apiserver/aggregator"
	"github.com/coracle-k8s/coracle/apiserver/audit"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/apiserver/crd"
	"github.com/coracle-k8s/coracle/apiserver/encryption"
	"github.com/coracle-k8s/coracle/apiserver/fairness"
	"github.com/coracle-k8s/coracle/apiserver/metricsapi"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/sealed"
)

// Issuer is who signs the tokens of service accounts, as the tokens have it.
const Issuer = "https://kubernetes.default.svc.cluster.local"

// An API is an API server with all that belongs to it: identity, admission,
// the objects it owns, and the ways to kubelets.
type API struct {
	*apiserver.Server
	bootstrap   bootstrap.Bootstrap
	webhooks    *webhook.Webhooks
	policies    *policy.Policies
	checkTypes  bool // of policies, which else a controller manager of Kubernetes does
	definitions *crd.Controller
	tls         *tls.Config
	listeners   []net.Listener
	delay       time.Duration // of the end: Config.ShutdownDelay
	aggregator  *aggregator.Aggregator
	limiter     *fairness.Limiter
	auditor     *audit.Auditor         // nil if nobody keeps record
	encryption  *encryption.Encryption // nil if no file says what to encrypt
	// bootstrapped says that the objects are there that every cluster has.
	bootstrapped atomic.Bool
}

// NewAPI makes an API server over a store. nodes is how it reaches kubelets,
// pods how it reaches pods for the proxies (nil: over the machine's network).
func NewAPI(cfg Config, st store.Store, nodes apiserver.NodeTransport, pods http.RoundTripper) (*API, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	kept, encrypted, err := sealing(st, cfg)
	if err != nil {
		return nil, err
	}
	registry := crd.NewRegistry(kinds.Registry())
	storage := apiserver.NewStorage(kept, registry, cfg.Logger)
	objects := storage.Objects()
	security, err := auth.New(auth.Options{
		Objects: objects, SigningKey: cfg.PKI.ServiceAccountKey(), Issuer: Issuer, ClientCAs: cfg.PKI.Roots(),
		FrontProxyCAs: cfg.PKI.FrontProxyRoots(), FrontProxyNames: []string{pki.FrontProxyUser},
	})
	if err != nil {
		return nil, err
	}
	services, err := admission.NewServiceIPs(objects, admission.ServiceRange{Addresses: cfg.Services})
	if err != nil {
		return nil, err
	}
	a := &API{listeners: cfg.Listeners, auditor: cfg.Auditor, encryption: encrypted, delay: cfg.ShutdownDelay, bootstrap: firstOf(cfg, storage, services)}
	groups := []apiserver.Group{metricsapi.NewGroup(objects, metricsapi.Kubelets{Transport: nodes}, cfg.Logger)}
	if err := a.attend(cfg, storage, registry, security.Authorizer, groups, dialOf(pods)); err != nil {
		return nil, err
	}
	connectors := security.Connectors()
	maps.Copy(connectors, connect.Connectors(connect.Options{
		Objects: objects, Nodes: nodes, Pods: pods, API: func() http.Handler { return a.Server },
	}))
	server := apiserver.Config{
		Storage:        storage,
		Authenticators: security.Authenticators,
		Authorizer:     security.Authorizer,
		Hooks:          a.hooks(objects, services, slices.Concat(security.Hooks(), []apiserver.Hook{a.definitions.Hook()}, cfg.Hooks)),
		Connectors:     connectors,
		Groups:         groups,
		Remotes:        a.aggregator,
		Checks:         a.checks(),
		Limiter:        a.limiter,
		Collectors:     slices.Concat(a.limiter.Collectors(), a.webhooks.Collectors(), a.policies.Collectors()),
		Paths: map[string]http.Handler{
			auth.DiscoveryPath: security.Tokens.Discovery(""),
			auth.KeysPath:      security.Tokens.Keys(),
			SnapshotPath:       snapshots(st),
		},
		ShutdownDelay: cfg.ShutdownDelay,
		MaxHistory:    cfg.MaxHistory,
		Logger:        cfg.Logger,
	}
	if a.auditor != nil {
		server.Auditor, server.Collectors = a.auditor, append(server.Collectors, a.auditor.Collectors()...)
	}
	if a.encryption != nil {
		server.Collectors = append(server.Collectors, a.encryption.Collectors()...)
	}
	if a.Server, err = apiserver.New(server); err != nil {
		return nil, err
	}
	a.tls, err = cfg.PKI.ServerTLS("apiserver", append(apiHosts(cfg), cfg.Hosts...)...)
	return a, err
}

// attend makes the parts that follow objects which change the server: definitions
// of kinds, webhooks, policies, other servers' groups, and who waits for whom.
func (a *API) attend(
	cfg Config, storage *apiserver.Storage, registry *crd.Registry, authorizer apiserver.Authorizer,
	groups []apiserver.Group, dial func(ctx context.Context, network, address string) (net.Conn, error),
) (err error) {
	a.definitions = crd.NewController(crd.Options{Storage: storage, Registry: registry, Dial: dial, Logger: cfg.Logger})
	a.webhooks = webhook.New(webhook.Options{Storage: storage, Authorizer: authorizer, Dial: dial, Logger: cfg.Logger})
	a.checkTypes = cfg.with(ControllerManager)
	a.policies = policy.New(policy.Options{Storage: storage, Authorizer: authorizer, Logger: cfg.Logger})
	a.aggregator, err = aggregator.New(aggregator.Options{
		Storage: storage, Groups: groups, Certificate: cfg.PKI.FrontProxyCert(), Dial: dial, Logger: cfg.Logger,
	})
	if err != nil {
		return err
	}
	a.limiter, err = fairness.New(fairness.Options{Storage: storage, Logger: cfg.Logger})
	return err
}

// hooks are the admission in Kubernetes' order, with own ones before what users
// have configured.
func (a *API) hooks(objects apiserver.Objects, services *admission.ServiceIPs, own []apiserver.Hook) []apiserver.Hook {
	return admission.Default(objects, admission.Options{
		Services: services,
		Custom: append(own,
			policy.Expressions(), a.policies.Mutating(), a.webhooks.Mutating(), a.policies.Validating(), a.webhooks.Validating()),
	})
}

// firstOf are the objects that the server owns.
func firstOf(cfg Config, storage *apiserver.Storage, services *admission.ServiceIPs) bootstrap.Bootstrap {
	host, _ := os.Hostname() // without one there is no lease
	return bootstrap.Bootstrap{
		Objects:  storage.Managed("kube-apiserver", ""),
		Flows:    storage.Managed("api-priority-and-fairness-config-producer-v1", ""),
		Services: services, Advertise: cfg.Advertise, Logger: cfg.Logger,
		ClientCA:   cfg.PKI.CAPEM(),
		FrontProxy: &bootstrap.FrontProxy{CA: cfg.PKI.FrontProxyCAPEM(), Names: []string{pki.FrontProxyUser}},
		Host:       host, Instance: string(uuid.NewUUID()),
	}
}

// sealing is the store that encrypts what cfg says; st itself, if that is nothing.
func sealing(st store.Store, cfg Config) (store.Store, *encryption.Encryption, error) {
	switch {
	case cfg.EncryptionFile != "":
		e, err := encryption.New(st, encryption.Options{
			Path: cfg.EncryptionFile, Resources: kinds.Registry().All(), Reload: cfg.ReloadEncryption, Logger: cfg.Logger,
		})
		if err != nil {
			return nil, nil, err
		}
		return e.Store(), e, nil
	case len(cfg.Sealed) > 0:
		kept, err := sealed.New(st, cfg.Sealed, cfg.Logger)
		return kept, nil, err
	default:
		return st, nil, nil
	}
}

// dialOf is how a transport connects; nil if it does not say, which means over the
// machine's network.
func dialOf(transport http.RoundTripper) func(ctx context.Context, network, address string) (net.Conn, error) {
	if plain, ok := transport.(*http.Transport); ok {
		return plain.DialContext
	}
	return nil
}

// apiHosts are the names and addresses under which the API is known.
func apiHosts(cfg Config) []string {
	hosts := []string{
		"localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc." + cfg.Domain, cfg.Services.Masked().Addr().Next().String(),
	}
	if cfg.Advertise.IsValid() {
		hosts = append(hosts, cfg.Advertise.Addr().String())
	}
	for _, l := range cfg.Listeners {
		addr, err := netip.ParseAddrPort(l.Addr().String())
		if err == nil && !addr.Addr().IsUnspecified() {
			hosts = append(hosts, addr.Addr().String())
		}
	}
	return hosts
}

// Run serves until ctx ends. ready is called once the API answers and the
// objects are there that every cluster has.
func (a *API) Run(ctx context.Context, ready func()) error {
	defer a.keepRecord(context.WithoutCancel(ctx))()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.Server.Run(ctx) })
	parts, endParts := context.WithCancel(context.WithoutCancel(ctx))
	defer endParts()
	g.Go(func() error {
		<-ctx.Done()
		time.Sleep(a.delay) // which is the server's, too
		endParts()
		return nil
	})
	g.Go(func() error { return a.webhooks.Run(parts) })
	g.Go(func() error { return a.definitions.Run(parts) })
	g.Go(func() error { return a.policies.Run(parts) })
	if a.checkTypes {
		g.Go(func() error { return a.policies.CheckTypes(parts) })
	}
	g.Go(func() error { return a.aggregator.Run(parts) })
	g.Go(func() error { return a.limiter.Run(parts) })
	if a.encryption != nil {
		g.Go(func() error { return a.encryption.Run(parts) })
	}
	for _, l := range a.listeners {
		g.Go(func() error { return a.Serve(ctx, l, a.tls) })
	}
	g.Go(func() error {
		select {
		case <-a.Ready():
		case <-ctx.Done():
			return nil
		}
		if err := a.bootstrap.Once(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("make the cluster's first objects: %w", err)
		}
		a.bootstrapped.Store(true)
		ready()
		if err := a.bootstrap.Run(ctx); ctx.Err() == nil {
			return err
		}
		return nil
	})
	return g.Wait()
}

// keepRecord runs the auditor until the function is called that it returns, which
// waits for its end: the record of the last request is written, too.
func (a *API) keepRecord(ctx context.Context) (stop func()) {
	if a.auditor == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = a.auditor.Run(ctx) }) // an event that is lost says so itself
	return func() {
		patience, done := context.WithTimeout(ctx, lastWords)
		defer done()
		a.Recorded(patience)
		cancel()
		running.Wait()
	}
}

// lastWords is how long the record waits for requests to end that the server's end
// should have ended.
const lastWords = 5 * time.Second

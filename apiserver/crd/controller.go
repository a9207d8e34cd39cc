package crd

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission/webhook"
)

// tryAgain is when something that has failed, or has to wait, is tried again.
const tryAgain = time.Second

// Options say what a controller works with. Storage and Registry are required.
type Options struct {
	// Storage holds the definitions and their objects; its resources are Registry.
	Storage  *apiserver.Storage
	Registry *Registry
	// Dial connects to the endpoints of services, for conversion webhooks in the
	// cluster; nil means over the machine's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger gets what goes wrong and is tried again; nil discards it.
	Logger *slog.Logger
}

// A Controller follows the definitions in a storage: it keeps their status and
// a [Registry] up to date, and removes the objects of those that are deleted.
type Controller struct {
	Options
	storage  *apiserver.Storage
	registry *Registry
	log      *slog.Logger

	mu    sync.Mutex // guards the fields below
	known map[string]*definition
	kinds map[string]*kind
	// What has to be looked at again, each with room for one signal.
	statuses, deletions chan struct{}
}

// A kind is what an established definition has become.
type kind struct {
	of      *definition
	served  []*api.Resource
	stored  *api.Resource // the objects as they are in the store; not served
	webhook *webhook.Caller
}

// NewController returns a controller. It starts nothing.
func NewController(opts Options) *Controller {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Controller{
		Options: opts, storage: opts.Storage, registry: opts.Registry, log: opts.Logger,
		known: map[string]*definition{}, kinds: map[string]*kind{},
		statuses: make(chan struct{}, 1), deletions: make(chan struct{}, 1),
	}
}

// Run follows until ctx ends. It needs the storage to run.
func (c *Controller) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer c.closeWebhooks()
	defer working.Wait()
	working.Go(func() { c.each(ctx, c.statuses, c.settleAll) })
	working.Go(func() { c.each(ctx, c.deletions, c.cleanAll) })
	return c.storage.Follow(ctx, c.registry.definitions(), func(objects []api.Object) {
		known := make(map[string]*definition, len(objects))
		for _, obj := range objects {
			known[obj.GetName()] = obj.(*definition)
		}
		c.take(known)
		signal(c.statuses)
		signal(c.deletions)
	})
}

// take makes the definitions, as they are now, the known ones.
func (c *Controller) take(known map[string]*definition) {
	c.mu.Lock()
	c.known = known
	obsolete := c.rebuildLocked()
	c.mu.Unlock()
	for _, r := range obsolete {
		c.storage.Forget(r)
	}
}

// rebuildLocked makes the registry hold what the established definitions say, and
// returns the resources that are no more. What has not changed stays as it is.
func (c *Controller) rebuildLocked() (obsolete []*api.Resource) {
	next := map[string]*kind{}
	var all, unserved []*api.Resource
	for _, name := range slices.Sorted(maps.Keys(c.known)) {
		d := c.known[name]
		if !isTrue(d, apiextensionsv1.Established) {
			continue
		}
		k := c.kinds[name]
		if k == nil || !sameKind(k.of, d) {
			var err error
			if k, err = c.kindOf(d); err != nil {
				c.log.Error("a definition cannot be served", "name", name, "err", err)
				continue
			}
		}
		next[name] = &kind{of: d, served: k.served, stored: k.stored, webhook: k.webhook}
		all = append(all, k.served...)
		unserved = append(unserved, k.stored)
	}
	for name, old := range c.kinds {
		if now := next[name]; now == nil || now.stored != old.stored {
			obsolete = append(append(obsolete, old.served...), old.stored)
			old.close()
		}
	}
	c.kinds = next
	c.registry.set(all, unserved)
	return obsolete
}

// kindOf makes the kind of a definition.
func (c *Controller) kindOf(d *definition) (*kind, error) {
	k := &kind{of: d, stored: kept(d)}
	var convert *converter
	if conversion := d.Spec.Conversion; conversion != nil && conversion.Webhook != nil && conversion.Webhook.ClientConfig != nil {
		k.webhook = webhook.NewCaller(c.storage.Objects(), c.Dial, clientConfig(conversion.Webhook.ClientConfig))
		convert = &converter{webhook: k.webhook}
	}
	var err error
	k.served, err = resourcesOf(d, convert, k.stored)
	return k, err
}

// clientConfig is a definition's webhook in the form that those of admission have.
func clientConfig(c *apiextensionsv1.WebhookClientConfig) *admissionregistrationv1.WebhookClientConfig {
	config := &admissionregistrationv1.WebhookClientConfig{URL: c.URL, CABundle: c.CABundle}
	if s := c.Service; s != nil {
		config.Service = &admissionregistrationv1.ServiceReference{Namespace: s.Namespace, Name: s.Name, Path: s.Path, Port: s.Port}
	}
	return config
}

func (k *kind) close() {
	if k.webhook != nil {
		k.webhook.Close()
	}
}

func (c *Controller) closeWebhooks() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.kinds {
		k.close()
	}
}

// sameKind says whether two states of a definition make the same kind. The
// generation counts the changes of the spec.
func sameKind(a, b *definition) bool {
	return a == b || a.UID == b.UID && a.Generation == b.Generation &&
		equality.Semantic.DeepEqual(a.Status.AcceptedNames, b.Status.AcceptedNames)
}

// each calls work after every signal, and again after a while when it failed.
func (c *Controller) each(ctx context.Context, signals chan struct{}, work func(context.Context) error) {
	for {
		select {
		case <-signals:
		case <-ctx.Done():
			return
		}
		if err := work(ctx); err != nil && ctx.Err() == nil {
			if !errors.Is(err, errNotEmpty) {
				c.log.Warn("definitions are looked at again", "err", err)
			}
			pause(ctx, tryAgain)
			signal(signals)
		}
	}
}

// settleAll brings the status of every definition up to date. A name that one
// accepts is taken for the next, though the store has not told of it yet.
//
// A kind is served before the store says that it is established, so that whoever
// has read that finds it.
func (c *Controller) settleAll(ctx context.Context) error {
	all := c.snapshot()
	for _, name := range slices.SortedFunc(maps.Keys(all), older(all)) {
		next, changed := settle(all[name], all)
		if !changed {
			continue
		}
		if isTrue(next, apiextensionsv1.Established) && !isTrue(all[name], apiextensionsv1.Established) {
			c.serve(next)
		}
		stored, err := c.modify(ctx, all[name], func(d *definition) { d.Status = settled(d, next) })
		if err != nil {
			return err
		}
		if stored != nil {
			all[name] = stored
		}
	}
	return nil
}

// serve adds the kind of a definition to the registry, unless there is news of it.
func (c *Controller) serve(d *definition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[d.Name]; known == nil || known.ResourceVersion != d.ResourceVersion {
		return
	}
	c.known = maps.Clone(c.known)
	c.known[d.Name] = d
	c.rebuildLocked() // nothing is obsolete: the kind is new
}

// settled is the status that settling has found, with what it is not about as it is in d.
func settled(d, next *definition) apiextensionsv1.CustomResourceDefinitionStatus {
	status := *next.Status.DeepCopy()
	status.StoredVersions = d.Status.StoredVersions
	return status
}

// older orders definitions by age: who came first has its names.
func older(all map[string]*definition) func(a, b string) int {
	return func(a, b string) int {
		if order := all[a].CreationTimestamp.Compare(all[b].CreationTimestamp.Time); order != 0 {
			return order
		}
		if a < b {
			return -1
		}
		return 1
	}
}

// modify writes a definition, unless it is another one by now: then there is
// no error and no definition, for who follows hears of it.
func (c *Controller) modify(ctx context.Context, d *definition, change func(*definition)) (*definition, error) {
	stored, err := c.storage.Managed("kube-apiserver", "status").Modify(ctx, c.registry.definitions(), "", d.Name, func(obj api.Object) error {
		live := obj.(*definition)
		if live.UID != d.UID || live.ResourceVersion != d.ResourceVersion {
			return apierrors.NewConflict(definitionsResource, d.Name, errors.New("it has changed"))
		}
		change(live)
		return nil
	})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return stored.(*definition), nil
}

func (c *Controller) snapshot() map[string]*definition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.known)
}

func signal(signals chan struct{}) {
	select {
	case signals <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

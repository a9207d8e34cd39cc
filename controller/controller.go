package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// A Key names what is to be reconciled, usually an object. The namespace is
// empty for kinds that have none.
type Key struct{ Namespace, Name string }

// KeyOf returns the key of an object.
func KeyOf(obj interface {
	GetNamespace() string
	GetName() string
}) Key {
	return Key{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// String returns "namespace/name", or "name" without a namespace.
func (k Key) String() string { return api.Key(k.Namespace, k.Name) }

// NamespacedName returns the key in apimachinery's form.
func (k Key) NamespacedName() types.NamespacedName {
	return types.NamespacedName{Namespace: k.Namespace, Name: k.Name}
}

// A Result says what comes after a successful reconciliation.
type Result struct {
	// RequeueAfter is when to reconcile again, if nothing happens before.
	// Zero means not at all.
	RequeueAfter time.Duration
}

// A Reconciler makes the world more like what one object says it should be.
type Reconciler interface {
	// Reconcile compares the wanted and the actual state behind a key and
	// takes the steps that lead from one to the other. It must be able to
	// run at any time, any number of times: a key says that something may
	// have changed, not what. That the object is gone is no error.
	//
	// It runs concurrently for different keys, never for the same. After an
	// error the key comes again with exponential back-off; conflicts are
	// errors like any other, only more quietly logged.
	Reconcile(ctx context.Context, key Key) (Result, error)
}

// ReconcilerFunc is a function as a [Reconciler].
type ReconcilerFunc func(ctx context.Context, key Key) (Result, error)

// Reconcile implements Reconciler.
func (f ReconcilerFunc) Reconcile(ctx context.Context, key Key) (Result, error) { return f(ctx, key) }

// Options tune a controller. The zero value works.
type Options struct {
	// Workers is how many keys are reconciled at the same time; 4 by default.
	Workers int
	// Logger is where failures go; nil means nowhere.
	Logger *slog.Logger
	// Metrics counts what the controller does; nil does not. Controllers share one.
	Metrics *Metrics
	// Recorder is for events that people should read; nil records none. The
	// engine does not use it, controllers do.
	Recorder *client.Recorder
}

// defaultWorkers suits reconcilers that wait for the API server most of the time.
const defaultWorkers = 4

// A Controller feeds keys to a [Reconciler]. Make it with [New], connect it to
// informers with [Watch], then Run it, once.
type Controller struct {
	name       string
	reconciler Reconciler
	workers    int
	log        *slog.Logger
	metrics    *metrics
	sources    []<-chan struct{}

	mu    sync.Mutex // guards the fields below
	queue *queue
	// changed is closed, and replaced, when a waiting worker should look again.
	changed chan struct{}
}

// New returns a controller. The name says who it is in logs and metrics.
func New(name string, r Reconciler, opts Options) *Controller {
	c := &Controller{
		name: name, reconciler: r, workers: opts.Workers, log: opts.Logger,
		metrics: opts.Metrics.of(name),
		queue:   newQueue(), changed: make(chan struct{}),
	}
	if c.workers <= 0 {
		c.workers = defaultWorkers
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("controller", name)
	return c
}

// Name returns the controller's name.
func (c *Controller) Name() string { return c.name }

// WaitFor makes Run wait for a channel to be closed before it reconciles.
// [Watch] does so for its informer. Call it before Run.
func (c *Controller) WaitFor(synced <-chan struct{}) { c.sources = append(c.sources, synced) }

// Enqueue asks for a reconciliation as soon as possible. Many requests for a key that
// has not run yet are one. It never blocks and is safe for concurrent use.
func (c *Controller) Enqueue(key Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.add(key, time.Now()) {
		c.metrics.added(c.queue.depth())
		c.wakeLocked()
	}
}

// EnqueueAfter asks for a reconciliation after d. Of several such requests for
// one key the earliest counts; an [Controller.Enqueue] does not revoke it.
func (c *Controller) EnqueueAfter(key Key, d time.Duration) {
	if d <= 0 {
		c.Enqueue(key)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue.addAt(key, time.Now().Add(d))
	c.wakeLocked()
}

func (c *Controller) wakeLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run reconciles until the context ends, once all sources have synced. It
// returns nil when all workers have ended.
func (c *Controller) Run(ctx context.Context) error {
	for _, synced := range c.sources {
		select {
		case <-synced:
		case <-ctx.Done():
			return nil
		}
	}
	c.log.Debug("working", "workers", c.workers)
	var workers sync.WaitGroup
	for range c.workers {
		workers.Go(func() { c.work(ctx) })
	}
	workers.Wait()
	return nil
}

// work reconciles one key after the other.
func (c *Controller) work(ctx context.Context) {
	for ctx.Err() == nil {
		key, ok := c.next(ctx)
		if !ok {
			return
		}
		start := time.Now()
		result, err := c.reconcile(ctx, key)
		c.settle(ctx, key, time.Since(start), result, err)
	}
}

// next waits for a key. It returns false when the context ends.
func (c *Controller) next(ctx context.Context) (Key, bool) {
	for {
		now := time.Now()
		c.mu.Lock()
		key, waited, at, ok := c.queue.next(now)
		changed, depth := c.changed, c.queue.depth()
		c.mu.Unlock()
		if ok {
			c.metrics.started(depth, waited)
			return key, true
		}
		if !c.wait(ctx, changed, now, at) {
			return Key{}, false
		}
	}
}

// wait blocks until the queue changes or the time has come, if there is one.
func (c *Controller) wait(ctx context.Context, changed <-chan struct{}, now, at time.Time) bool {
	var alarm <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(at.Sub(now))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-changed:
	case <-alarm:
	case <-ctx.Done():
		return false
	}
	return true
}

// reconcile calls the reconciler. A panic of its is an error of this key, not
// the end of all other controllers in the process.
func (c *Controller) reconcile(ctx context.Context, key Key) (result Result, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("reconcile panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	return c.reconciler.Reconcile(ctx, key)
}

// settle decides what happens to a key after a reconciliation.
func (c *Controller) settle(ctx context.Context, key Key, took time.Duration, result Result, err error) {
	now := time.Now()
	c.mu.Lock()
	c.queue.done(key)
	var retry time.Duration
	if err != nil {
		retry = c.queue.failed(key, now)
	} else {
		c.queue.succeeded(key)
		if result.RequeueAfter > 0 {
			c.queue.addAt(key, now.Add(result.RequeueAfter))
		}
	}
	c.wakeLocked()
	c.mu.Unlock()

	c.metrics.finished(took, err)
	if err != nil && ctx.Err() == nil {
		c.log.Log(ctx, severity(err), "reconcile failed", "key", key.String(), "retry", retry, "error", err)
	}
}

// severity is low for errors that come with working side by side.
func severity(err error) slog.Level {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || errors.Is(err, ErrRetry) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// ErrRetry is an error to return when the world is not ready yet and the key
// should come again, with back-off, without fuss.
var ErrRetry = errors.New("not yet")

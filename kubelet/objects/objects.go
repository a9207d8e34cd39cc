package objects

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// syncTimeout is for how long [Watched.Get] waits for the first copy.
const syncTimeout = 10 * time.Second

// Watched keeps copies of the objects of one kind that somebody holds. It is
// safe for concurrent use. The goroutines it starts end with its context or with
// the last hold; Wait waits for them.
type Watched[T api.Object] struct {
	ctx      context.Context
	client   *client.Client
	resource schema.GroupResource

	mu   sync.Mutex // guards held and what is in it
	held map[key]*entry[T]
	wg   sync.WaitGroup
}

type key struct{ namespace, name string }

// An entry is one watched object.
type entry[T api.Object] struct {
	informer *client.Informer[T]
	stop     context.CancelFunc
	next     int
	notify   map[int]func()
}

// New returns an empty set of copies, which lives as long as ctx.
func New[T api.Object](ctx context.Context, c *client.Client) *Watched[T] {
	resource := client.For[T](c).Resource()
	return &Watched[T]{
		ctx: ctx, client: c, held: map[key]*entry[T]{},
		resource: schema.GroupResource{Group: resource.Group, Resource: resource.Plural},
	}
}

// Hold watches an object until release is called. notify is called when it
// changes; it must not block and may be called from any goroutine.
func (w *Watched[T]) Hold(namespace, name string, notify func()) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := key{namespace, name}
	e := w.held[k]
	if e == nil {
		e = w.start(k)
		w.held[k] = e
	}
	id := e.next
	e.next++
	e.notify[id] = notify
	return sync.OnceFunc(func() { w.release(k, e, id) })
}

func (w *Watched[T]) start(k key) *entry[T] {
	ctx, stop := context.WithCancel(w.ctx)
	e := &entry[T]{stop: stop, notify: map[int]func(){}}
	e.informer = client.NewInformer(w.client, client.InformerOptions[T]{
		Namespace: k.namespace, FieldSelector: "metadata.name=" + k.name,
	})
	e.informer.OnChange(func(T, T) { w.changed(e) })
	w.wg.Go(func() { _ = e.informer.Run(ctx) })
	return e
}

func (w *Watched[T]) changed(e *entry[T]) {
	w.mu.Lock()
	var notify []func()
	for _, f := range e.notify {
		notify = append(notify, f)
	}
	w.mu.Unlock()
	for _, f := range notify {
		f()
	}
}

func (w *Watched[T]) release(k key, e *entry[T], id int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(e.notify, id)
	if len(e.notify) == 0 {
		e.stop()
		delete(w.held, k)
	}
}

// Get returns the copy of an object that is held, which must not be modified. It
// waits for the first copy; an object that does not exist is a NotFound error.
func (w *Watched[T]) Get(ctx context.Context, namespace, name string) (T, error) {
	var none T
	w.mu.Lock()
	e := w.held[key{namespace, name}]
	w.mu.Unlock()
	if e == nil {
		return none, fmt.Errorf("get %s %s: nobody holds it", w.resource, api.Key(namespace, name))
	}
	timer := time.NewTimer(syncTimeout)
	defer timer.Stop()
	select {
	case <-e.informer.Synced():
	case <-timer.C:
		return none, fmt.Errorf("get %s %s: the API server did not answer in time", w.resource, api.Key(namespace, name))
	case <-ctx.Done():
		return none, ctx.Err()
	}
	if obj, ok := e.informer.Get(namespace, name); ok {
		return obj, nil
	}
	return none, apierrors.NewNotFound(w.resource, name)
}

// Wait returns when all watches have ended: after the context, or the last hold.
func (w *Watched[T]) Wait() { w.wg.Wait() }

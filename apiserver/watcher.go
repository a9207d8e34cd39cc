package apiserver

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// maxQueue is how many events may wait for one watcher. One that lets more come
// together is too slow and is ended: its client lists again.
const maxQueue = 4096

// errSlowWatcher ends a watcher whose queue is full.
var errSlowWatcher = errors.New("the watcher was too slow")

// An event is one change of one object, as the cache keeps it.
type event struct {
	key      string
	revision int64
	now      *entry // nil for a deletion
	before   *entry // nil for a creation

	last     api.Object // before's object at this event's revision, made when asked for
	lastOnce sync.Once
}

// gone is the object as it leaves a watcher's view: as it was before, with this
// event's revision, so that a watch can go on from there.
func (e *event) gone() api.Object {
	e.lastOnce.Do(func() { e.last = withRevision(e.before.object(), e.revision) })
	return e.last
}

// seenBy returns what the event is to somebody who sees only the objects that
// match: an object that begins to match is added, one that ceases is deleted.
// The type is empty if there is nothing to see.
func (e *event) seenBy(match func(*entry) bool) watch.EventType {
	before := !e.before.empty() && match(e.before)
	now := !e.now.empty() && match(e.now)
	switch {
	case now && before:
		return watch.Modified
	case now:
		return watch.Added
	case before:
		return watch.Deleted
	default:
		return ""
	}
}

// shown returns the entry that an event of a type is about, and the object as it
// was then.
func (e *event) shown(as watch.EventType) (*entry, func() api.Object) {
	if as == watch.Deleted {
		return e.before, e.gone
	}
	return e.now, e.now.object
}

// A delivery is an event on its way to its watchers, with the encodings they
// share, so that it is encoded once for each form however many they are.
type delivery struct {
	*event
	mu      sync.Mutex // guards encoded
	encoded map[frameForm]*frame
}

// A frameForm tells apart the encodings of one event.
type frameForm struct {
	eventType watch.EventType
	form      string
}

type frame struct {
	once sync.Once
	data []byte
	err  error
}

// frame returns the event's encoding in a form, made by encode the first time.
func (d *delivery) frame(form frameForm, encode func() ([]byte, error)) ([]byte, error) {
	d.mu.Lock()
	f := d.encoded[form]
	if f == nil {
		f = &frame{}
		if d.encoded == nil {
			d.encoded = map[frameForm]*frame{}
		}
		d.encoded[form] = f
	}
	d.mu.Unlock()
	f.once.Do(func() { f.data, f.err = encode() })
	return f.data, f.err
}

// A watcher receives the events of its scope in order, from a queue of its own.
type watcher struct {
	scope watchScope
	wake  chan struct{} // has room for one wake-up

	// overrun ends when the watcher has been too slow.
	overrun context.Context
	cut     context.CancelFunc

	mu    sync.Mutex // guards the fields below
	queue []*delivery
	ended error
}

func newWatcher(scope watchScope) *watcher {
	w := &watcher{scope: scope, wake: make(chan struct{}, 1)}
	w.overrun, w.cut = context.WithCancel(context.Background())
	return w
}

// push queues an event and returns false if the watcher is full.
func (w *watcher) push(d *delivery) bool {
	w.mu.Lock()
	full := len(w.queue) >= maxQueue
	if !full {
		w.queue = append(w.queue, d)
	}
	w.mu.Unlock()
	w.signal()
	return !full
}

func (w *watcher) end(cause error) {
	w.mu.Lock()
	w.ended = cause
	w.mu.Unlock()
	w.signal()
	if errors.Is(cause, errSlowWatcher) {
		w.cut()
	}
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what is queued, and why the watcher has ended if it has and
// nothing is left.
func (w *watcher) take() ([]*delivery, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if queue := w.queue; len(queue) > 0 {
		w.queue = nil
		return queue, nil
	}
	return nil, w.ended
}

// next waits for events. After interrupt fires it returns none, and no error.
func (w *watcher) next(ctx context.Context, interrupt <-chan time.Time) ([]*delivery, error) {
	for {
		if queue, err := w.take(); len(queue) > 0 || err != nil {
			return queue, err
		}
		select {
		case <-w.wake:
		case <-interrupt:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// A watchScope is the part of a kind that a watcher looks at: everything, a
// namespace, one object, or the objects with one value in a field.
type watchScope struct {
	namespace, name string
	nodeName        string // the value of field spec.nodeName
}

// holds says whether a key can be in scope. It does not look at fields.
func (s watchScope) holds(r *api.Resource, key string) bool {
	namespace, name := splitKey(r, key)
	return (s.namespace == "" || s.namespace == namespace) && (s.name == "" || s.name == name)
}

// watchers finds the watchers of an event without asking each: a thousand
// kubelets, each watching its own pods, cost an event two look-ups.
type watchers map[watchScope]map[*watcher]struct{}

func (ws watchers) add(w *watcher) {
	if ws[w.scope] == nil {
		ws[w.scope] = map[*watcher]struct{}{}
	}
	ws[w.scope][w] = struct{}{}
}

func (ws watchers) remove(w *watcher) {
	delete(ws[w.scope], w)
	if len(ws[w.scope]) == 0 {
		delete(ws, w.scope)
	}
}

// send queues the event with every watcher in whose scope it is, and ends those
// that cannot take it.
func (ws watchers) send(r *api.Resource, e *event) {
	if len(ws) == 0 {
		return
	}
	d := &delivery{event: e}
	for _, scope := range scopesOf(r, e) {
		for w := range ws[scope] {
			if !w.push(d) {
				ws.remove(w)
				w.end(errSlowWatcher)
			}
		}
	}
}

func (ws watchers) endAll(cause error) {
	for scope, group := range ws {
		for w := range group {
			w.end(cause)
		}
		delete(ws, scope)
	}
}

// scopesOf returns all scopes that an event belongs to. Each is there once, so
// no watcher gets an event twice.
func scopesOf(r *api.Resource, e *event) []watchScope {
	namespace, name := splitKey(r, e.key)
	scopes := []watchScope{{}}
	if name != "" {
		scopes = append(scopes, watchScope{name: name})
	}
	if r.Namespaced && namespace != "" && name != "" {
		scopes = append(scopes, watchScope{namespace: namespace}, watchScope{namespace: namespace, name: name})
	}
	var now, before string
	if e.now != nil {
		now = e.now.node
	}
	if e.before != nil {
		before = e.before.node
	}
	if now != "" {
		scopes = append(scopes, watchScope{nodeName: now})
	}
	if before != "" && before != now {
		scopes = append(scopes, watchScope{nodeName: before})
	}
	return scopes
}

// nodeNameOf returns the field by which kubelets list and watch.
func nodeNameOf(r *api.Resource, obj api.Object) string {
	if obj == nil || !slices.Contains(r.FieldNames, nodeNameField) {
		return ""
	}
	return r.Fields(obj).Get(nodeNameField)
}

const nodeNameField = "spec.nodeName"

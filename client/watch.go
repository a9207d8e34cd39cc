package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// WatchOptions choose what a watch shows.
type WatchOptions struct {
	LabelSelector, FieldSelector string
	// ResourceVersion is where the watch starts: it shows all changes after
	// it. "" starts with the present state as Added events.
	ResourceVersion string
	// SendInitialEvents starts with an Added event for every object there is
	// and then a Bookmark for which [InitialEventsEnd] holds (KEP-3157, "watch
	// list"). A server that cannot do that answers apierrors.IsInvalid.
	SendInitialEvents bool
}

func (o WatchOptions) query() url.Values {
	query := url.Values{"watch": {"true"}, "allowWatchBookmarks": {"true"}}
	set(query, "labelSelector", o.LabelSelector)
	set(query, "fieldSelector", o.FieldSelector)
	set(query, "resourceVersion", o.ResourceVersion)
	if o.SendInitialEvents {
		query.Set("sendInitialEvents", "true")
		query.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchNotOlderThan))
	}
	return query
}

// An Event is one change: watch.Added, watch.Modified, or watch.Deleted with the
// object's last state, whose resourceVersion is that of the change. A
// watch.Bookmark carries nothing but the resourceVersion that the watch has
// come to.
type Event[T any] struct {
	Type   watch.EventType
	Object T
}

// InitialEventsEnd says whether a bookmark marks the end of the initial events.
func InitialEventsEnd(obj metav1.Object) bool {
	return obj.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
}

// A Watch is a stream of changes in the order in which they happened. One
// goroutine reads ahead a little; it ends with Close or the context of the
// watch. Next must not be called concurrently.
type Watch[T api.Object] struct {
	kind   *Kind[T]
	cancel context.CancelFunc
	events chan Event[T]
	// failure is why events was closed; written before that.
	failure error
}

// readAhead is how many events a watch holds for a consumer that is busy.
const readAhead = 16

// Watch starts to follow a namespace, or all with "", until the context ends or
// the watch is closed. It returns when the server has accepted.
func (k *Kind[T]) Watch(ctx context.Context, namespace string, opts WatchOptions) (*Watch[T], error) {
	ctx, cancel := context.WithCancel(ctx)
	resp, err := k.client.send(ctx, request{
		method: http.MethodGet, path: k.path(namespace, ""), query: opts.query(), accept: k.acceptWatch(),
	})
	if err != nil {
		cancel()
		return nil, err
	}
	w := &Watch[T]{kind: k, cancel: cancel, events: make(chan Event[T], readAhead)}
	go w.read(ctx, resp)
	return w, nil
}

func (k *Kind[T]) acceptWatch() string {
	const stream = ";stream=watch"
	switch {
	case k.form == metadataOnly && !k.client.json:
		return api.Protobuf + asMetadata + stream + "," + api.JSON + asMetadata + "," + api.JSON
	case k.form == typed && !k.client.json:
		return api.Protobuf + stream + "," + api.JSON
	default:
		return k.accept(false)
	}
}

// Next returns the next event, waiting for it. The error is io.EOF when the server
// ended the watch in order, an *apierrors.StatusError when it sent one (expired
// resourceVersions are apierrors.IsResourceExpired or IsGone), the context's when ctx ends,
// and satisfies [ErrNoServer] when the connection broke.
// After an error of ctx the watch still works, after any other it is over.
func (w *Watch[T]) Next(ctx context.Context) (Event[T], error) {
	select {
	case event, ok := <-w.events:
		if !ok {
			return Event[T]{}, w.failure
		}
		return event, nil
	case <-ctx.Done():
		return Event[T]{}, context.Cause(ctx)
	}
}

// Close ends the watch and returns when its goroutine and connection are gone.
// It may be called more than once.
func (w *Watch[T]) Close() {
	w.cancel()
	for range w.events { // until the reader closes it
	}
}

// read passes on events until the stream ends.
func (w *Watch[T]) read(ctx context.Context, resp *http.Response) {
	defer close(w.events)
	defer resp.Body.Close()
	frames := newFrames(resp)
	for {
		event, err := w.readEvent(frames)
		if err != nil {
			w.failure = w.explain(ctx, err)
			return
		}
		select {
		case w.events <- event:
		case <-ctx.Done():
			w.failure = context.Cause(ctx)
			return
		}
	}
}

func (w *Watch[T]) readEvent(frames *frames) (Event[T], error) {
	eventType, object, err := frames.next()
	if err != nil {
		return Event[T]{}, err
	}
	if eventType == watch.Error {
		status := &metav1.Status{}
		if err := (answer{mediaType: frames.mediaType, body: object}).decode(status); err != nil {
			return Event[T]{}, err
		}
		return Event[T]{}, apierrors.FromObject(status)
	}
	obj, err := w.kind.decode(frames.mediaType, object)
	return Event[T]{Type: eventType, Object: obj}, err
}

// explain tells an orderly end, the caller's own cancellation, and what the
// server said from a broken connection.
func (w *Watch[T]) explain(ctx context.Context, err error) error {
	var status *apierrors.StatusError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("watch %s: %w", w.kind.resource.Plural, context.Cause(ctx))
	case errors.Is(err, io.EOF), errors.As(err, &status):
		return err
	default:
		return fmt.Errorf("watch %s: %w: %w", w.kind.resource.Plural, ErrNoServer, err)
	}
}

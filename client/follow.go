package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// How a follower behaves when the server does not.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 30 * time.Second
	// pauseAfterList is the longest pause once a list has succeeded.
	pauseAfterList = time.Second
	// goodStream is how long a watch must have lasted for its end to be no
	// reason to pause.
	goodStream = 5 * time.Second
	// pageSize is the number of objects in a page of a plain list.
	pageSize = 500
)

// A follower keeps an informer up to date. It is in one of two states:
//
//	        ┌──── complete list ────┐
//	        ▼                       │
//	following: watch           listing: watch with initial
//	from version        ────▶  events, else list in pages
//	(broken: again)    410 Gone
//
// Every failure makes the next try wait longer, with jitter, so that a thousand
// clients of a server that comes back do not come back at once.
type follower[T api.Object] struct {
	informer *Informer[T]
	// version is the resourceVersion that the cache shows; "" means that
	// there is none to go on from, so list.
	version string
	// plain says that the server cannot start a watch with initial events.
	plain bool
	pause time.Duration
}

func (f *follower[T]) run(ctx context.Context) {
	for ctx.Err() == nil {
		started := time.Now()
		err := f.step(ctx)
		if time.Since(started) >= goodStream {
			f.pause = 0
		}
		if errors.Is(err, errNoInitialEvents) {
			continue
		}
		if expired(err) {
			f.version = ""
		}
		f.wait(ctx)
	}
}

// step lists, or watches for as long as the stream lasts.
func (f *follower[T]) step(ctx context.Context) error {
	switch {
	case f.version != "":
		return f.follow(ctx, WatchOptions{ResourceVersion: f.version})
	case f.plain:
		if err := f.list(ctx); err != nil {
			return err
		}
		return f.follow(ctx, WatchOptions{ResourceVersion: f.version})
	default:
		return f.follow(ctx, WatchOptions{SendInitialEvents: true})
	}
}

// errNoInitialEvents says that a server refused a watch with initial events.
var errNoInitialEvents = errors.New("the server cannot send initial events")

// follow reads a watch to its end. With initial events it gathers these first.
func (f *follower[T]) follow(ctx context.Context, opts WatchOptions) error {
	i := f.informer
	opts.LabelSelector, opts.FieldSelector = i.opts.LabelSelector, i.opts.FieldSelector
	w, err := i.kind.Watch(ctx, i.opts.Namespace, opts)
	if err != nil {
		if opts.SendInitialEvents && refused400(err) {
			f.plain = true
			return errNoInitialEvents
		}
		return err
	}
	defer w.Close()
	if opts.SendInitialEvents {
		if err := f.gather(ctx, w); err != nil {
			return err
		}
	}
	for {
		event, err := w.Next(ctx)
		if err != nil {
			return err
		}
		f.apply(event)
	}
}

// gather reads initial events up to the bookmark which ends them, and only then
// changes the cache: half a list must not look like deletions.
func (f *follower[T]) gather(ctx context.Context, w *Watch[T]) error {
	objects := map[string]T{}
	for {
		event, err := w.Next(ctx)
		if err != nil {
			return noEOF(err)
		}
		key := api.KeyOf(event.Object)
		switch event.Type {
		case watch.Added, watch.Modified:
			objects[key] = event.Object
		case watch.Deleted:
			delete(objects, key)
		case watch.Bookmark:
			if InitialEventsEnd(event.Object) {
				f.replace(objects, event.Object.GetResourceVersion())
				return nil
			}
		}
	}
}

// list reads all pages of a plain list.
func (f *follower[T]) list(ctx context.Context) error {
	i := f.informer
	objects := map[string]T{}
	opts := ListOptions{LabelSelector: i.opts.LabelSelector, FieldSelector: i.opts.FieldSelector, Limit: pageSize}
	for {
		page, err := i.kind.List(ctx, i.opts.Namespace, opts)
		if err != nil {
			return err
		}
		for _, obj := range page.Items {
			objects[api.KeyOf(obj)] = obj
		}
		if page.Continue == "" {
			f.replace(objects, page.ResourceVersion)
			return nil
		}
		opts.Continue = page.Continue
	}
}

func (f *follower[T]) replace(objects map[string]T, version string) {
	f.informer.replace(objects)
	f.version, f.pause = version, min(f.pause, pauseAfterList)
}

func (f *follower[T]) apply(event Event[T]) {
	switch event.Type {
	case watch.Added, watch.Modified:
		f.informer.store(event.Object)
	case watch.Deleted:
		f.informer.forget(event.Object)
	}
	if version := event.Object.GetResourceVersion(); version != "" {
		f.version = version
	}
}

// wait pauses after a stream has ended: not at all after a good one, else
// longer each time.
func (f *follower[T]) wait(ctx context.Context) {
	if f.pause > 0 {
		jittered := f.pause/2 + rand.N(f.pause)
		_ = sleep(ctx, jittered) // run sees the end of ctx
	}
	f.pause = min(max(2*f.pause, firstPause), lastPause)
}

// expired says that the server has forgotten the history after a resourceVersion,
// or has never seen that version, as after the restoring of a snapshot.
func expired(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.HasStatusCause(err, causeTooLarge)
}

const causeTooLarge = "ResourceVersionTooLarge"

// refused400 says that the server understood the request and does not do that.
func refused400(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err)
}

package apiserver

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// A watch without a timeout ends after a random time in [minWatch, 2*minWatch),
// so that the watches of many clients do not all come back at once.
const minWatch = 30 * time.Minute

// maxWatch bounds the seconds that a client may ask for: a year.
const maxWatch = 365 * 24 * 60 * 60

// lastBookmark is how long before its end a watch tells its client how far it
// got.
const lastBookmark = 2 * time.Second

// lastCall is how long a slow watcher's client has to take what waits for it.
const lastCall = 2 * time.Second

// A watchQuery is what a watch asks for.
type watchQuery struct {
	match     revisionMatch
	revision  int64
	fromState bool // begin with what is there
	sayEnd    bool // tell when that is over
	bookmarks bool
	timeout   time.Duration
}

// parseWatchQuery reads the parameters of a watch; sendInitialEvents is KEP-3157.
func parseWatchQuery(query url.Values) (watchQuery, error) {
	w := watchQuery{bookmarks: isTrue(query.Get("allowWatchBookmarks"))}
	if err := validateWatchQuery(query); err != nil {
		return w, err
	}
	var err error
	if w.timeout, err = watchTimeout(query); err != nil {
		return w, err
	}
	if _, err := parseNumber(query, "limit"); err != nil {
		return w, err
	}
	text := query.Get("resourceVersion")
	if w.revision, err = parseRevision("resourceVersion", text); err != nil {
		return w, apierrors.NewBadRequest(err.Error())
	}
	switch text {
	case "":
		w.match = latest
	case "0":
		w.match = anyRevision
	default:
		w.match = notOlderThan
	}
	w.sayEnd = isTrue(query.Get("sendInitialEvents"))
	w.fromState = w.sayEnd || w.revision == 0 && !query.Has("sendInitialEvents")
	return w, nil
}

func watchTimeout(query url.Values) (time.Duration, error) {
	seconds, err := parseNumber(query, "timeoutSeconds")
	if err != nil || seconds > 0 {
		return time.Duration(min(seconds, maxWatch)) * time.Second, err
	}
	return minWatch + rand.N(minWatch), nil
}

func validateWatchQuery(query url.Values) error {
	var errs field.ErrorList
	match, path := query.Get("resourceVersionMatch"), field.NewPath("resourceVersionMatch")
	initial := query.Has("sendInitialEvents")
	right := match == string(metav1.ResourceVersionMatchNotOlderThan)
	if initial && !right {
		errs = append(errs, field.Forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
	}
	if match != "" {
		if !initial {
			errs = append(errs, field.Forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
		}
		if !right {
			errs = append(errs, field.NotSupported(path, match, []string{"NotOlderThan"}))
		}
		if query.Get("continue") != "" {
			errs = append(errs, field.Forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
		}
	}
	return invalidOptions("ListOptions", errs)
}

// watch streams changes until its time is over, the client goes away, or the
// client is too slow. What goes wrong once the stream can begin is told as an
// event of type ERROR, which is what clients look for.
func (q *request) watch() error {
	sel, err := parseSelection(q.resource, q.info.Namespace, q.info.Name, q.URL.Query())
	if err != nil {
		return err
	}
	want, err := parseWatchQuery(q.URL.Query())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(q.Context(), want.timeout)
	defer cancel()
	q.Request = q.WithContext(ctx)
	out := q.newStream()
	out.open()
	sub, err := q.subscribe(sel, want)
	if err != nil {
		return out.fail(storeError(q.resource, "", err))
	}
	defer sub.close()
	defer q.cutOff(sub.watcher)()
	err = q.follow(out, sub, sel, want)
	switch {
	case ctx.Err() != nil, errors.Is(err, errSlowWatcher), errors.Is(err, errCacheStopped), errors.Is(err, errKindGone), errors.Is(err, errClientGone):
		return nil
	default:
		return out.fail(storeError(q.resource, "", err))
	}
}

// cutOff makes writes to a client fail soon after its watcher has been ended for
// being slow: one that takes nothing at all would hold up the handler, and what
// waits for it, for as long as its connection lasts. The function it returns
// waits until that can happen no more.
func (q *request) cutOff(w *watcher) (stop func()) {
	done := make(chan struct{})
	unused := context.AfterFunc(w.overrun, func() {
		defer close(done)
		// A connection in memory has no deadlines; writing to it does not block.
		_ = http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(lastCall))
	})
	return func() {
		if !unused() {
			<-done
		}
	}
}

// subscribe begins the watch where the client wants it to.
func (q *request) subscribe(sel *selection, want watchQuery) (*subscription, error) {
	if err := q.await(want.match, want.revision); err != nil {
		return nil, err
	}
	cache := q.server.storage.cache
	if want.fromState {
		return cache.watchState(q.Context(), q.resource, sel.scope())
	}
	after := want.revision
	if after == 0 {
		after = cache.applied()
	}
	return cache.watchAfter(q.Context(), q.resource, sel.scope(), after)
}

// follow streams the subscription: first what was there or had happened, then
// what happens, with a bookmark now and then.
func (q *request) follow(out *stream, sub *subscription, sel *selection, want watchQuery) error {
	if err := q.begin(out, sub, sel, want); err != nil {
		return err
	}
	q.release() // what a watch does from here on is little
	deadline, _ := q.Context().Deadline()
	bookmark := time.NewTimer(q.untilBookmark(deadline))
	defer bookmark.Stop()
	for {
		// The order matters: what the cache applied before this moment is in
		// the queue that next returns.
		applied := q.server.storage.cache.applied()
		batch, err := sub.next(q.Context(), bookmark.C)
		if err != nil {
			return err
		}
		for _, d := range batch {
			if err := out.deliver(d, sel); err != nil {
				return err
			}
			applied = max(applied, d.revision)
		}
		if len(batch) == 0 {
			if err := q.bookmark(out, sub, sel, want); err != nil {
				return err
			}
			bookmark.Reset(q.untilBookmark(deadline))
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
}

// begin streams what comes before the live events.
func (q *request) begin(out *stream, sub *subscription, sel *selection, want watchQuery) error {
	for _, e := range sub.state {
		if e.err != nil || !sel.matches(e) {
			continue
		}
		if err := out.present(e); err != nil {
			return err
		}
	}
	for _, e := range sub.past {
		if err := out.deliver(&delivery{event: e}, sel); err != nil {
			return err
		}
	}
	if want.sayEnd && want.bookmarks {
		if err := out.bookmark(sub.revision, true); err != nil {
			return err
		}
	}
	return out.flush()
}

// bookmark tells the client the revision up to which it has seen everything.
// The revision is read before the queue is emptied, so it is true.
func (q *request) bookmark(out *stream, sub *subscription, sel *selection, want watchQuery) error {
	if !want.bookmarks {
		return nil
	}
	revision := q.server.storage.cache.applied()
	batch, err := sub.take()
	if err != nil {
		return err
	}
	for _, d := range batch {
		if err := out.deliver(d, sel); err != nil {
			return err
		}
		revision = max(revision, d.revision)
	}
	return out.bookmark(revision, false)
}

// untilBookmark is how long to wait for the next bookmark: the interval, or
// shortly before the end.
func (q *request) untilBookmark(deadline time.Time) time.Duration {
	interval := q.server.BookmarkInterval
	if last := time.Until(deadline) - lastBookmark; last > 0 && last < interval {
		return last
	}
	return interval
}

// open starts the answer, so that the client knows that its watch is on.
func (s *stream) open() {
	header := s.q.w.Header()
	header.Set("Content-Type", s.q.format.streamType())
	header.Set("Cache-Control", "no-cache, private")
	s.q.w.WriteHeader(http.StatusOK)
	http.Flusher(s.q.w).Flush()
}

// fail ends the stream with an error event.
func (s *stream) fail(err error) error {
	plain := s.q.format
	plain.shape = asIs
	data, encodeErr := encodeFrame(s.q.server.storage.codec, plain, watch.Error, statusOf(err))
	if encodeErr != nil {
		return encodeErr
	}
	s.frames = append(s.frames, data)
	_ = s.flush() // an error here is a client that went away
	return nil
}

// initialBookmark is an empty object of the kind with a revision.
func bookmarkObject(r *api.Resource, revision int64, initialEnd bool) api.Object {
	obj := r.New()
	obj.GetObjectKind().SetGroupVersionKind(r.GroupVersionKind)
	setRevision(obj, revision)
	if initialEnd {
		obj.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	}
	return obj
}

package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
)

const (
	// recorderQueue is how many events wait to be written; more are dropped.
	recorderQueue = 1024
	// recorderMemory is how many events a recorder knows again when they repeat.
	recorderMemory = 4096
	// eventRepeats is for how long after its last occurrence an event is the
	// same event when it repeats; the server forgets events after an hour.
	eventRepeats = 50 * time.Minute
)

// A Recorder writes events for people to read: what kubectl describe shows at
// its end. An event that repeats is counted rather than written again.
//
// Eventf never blocks and may be called from anywhere; Run writes. Events are a
// courtesy: those that cannot be written are dropped. A nil *Recorder records nothing.
type Recorder struct {
	client  *Client
	source  corev1.EventSource
	queue   chan *corev1.Event
	dropped atomic.Int64
}

// NewRecorder returns a recorder for a component, such as "scheduler", on a host,
// which may be empty.
func NewRecorder(c *Client, component, host string) *Recorder {
	return &Recorder{
		client: c,
		source: corev1.EventSource{Component: component, Host: host},
		queue:  make(chan *corev1.Event, recorderQueue),
	}
}

// Eventf says that something happened to obj. The type is corev1.EventTypeNormal
// or corev1.EventTypeWarning; the reason one word in CamelCase.
func (r *Recorder) Eventf(obj api.Object, eventtype, reason, format string, args ...any) {
	if r == nil {
		return
	}
	kind, err := api.KindOf(obj)
	if err != nil {
		r.dropped.Add(1)
		return
	}
	now := metav1.Now()
	namespace := cmp.Or(obj.GetNamespace(), metav1.NamespaceDefault)
	event := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace}, // named when it is written
		InvolvedObject: corev1.ObjectReference{
			APIVersion: kind.GroupVersion().String(), Kind: kind.Kind,
			Namespace: obj.GetNamespace(), Name: obj.GetName(),
			UID: obj.GetUID(), ResourceVersion: obj.GetResourceVersion(),
		},
		Type: eventtype, Reason: reason, Message: fmt.Sprintf(format, args...),
		Source: r.source, ReportingController: r.source.Component, ReportingInstance: r.source.Host,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}
	select {
	case r.queue <- event:
	default:
		r.dropped.Add(1)
	}
}

// eventName makes a name for an event about an object: time tells the events
// about it apart.
func eventName(object string, nanoseconds int64) string {
	return fmt.Sprintf("%.200s.%x", object, nanoseconds)
}

// Dropped returns the number of events that were not written.
func (r *Recorder) Dropped() int64 { return r.dropped.Load() }

// Run writes events until the context ends. What then still waits is dropped.
func (r *Recorder) Run(ctx context.Context) error {
	w := &eventWriter{events: For[*corev1.Event](r.client), known: map[eventKey]*written{}}
	for {
		select {
		case event := <-r.queue:
			if err := w.write(ctx, event); err != nil {
				r.dropped.Add(1)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// An eventKey says which events are the same.
type eventKey struct {
	object, uid             string
	eventtype, reason, text string
}

// written is an event that is on the server.
type written struct {
	namespace, name string
	count           int32
	last            time.Time
}

// An eventWriter creates events and counts repetitions. One goroutine uses it.
type eventWriter struct {
	events *Kind[*corev1.Event]
	known  map[eventKey]*written
}

func (w *eventWriter) write(ctx context.Context, event *corev1.Event) error {
	key := eventKey{
		object: event.InvolvedObject.Kind + "/" + api.Key(event.InvolvedObject.Namespace, event.InvolvedObject.Name),
		uid:    string(event.InvolvedObject.UID), eventtype: event.Type, reason: event.Reason, text: event.Message,
	}
	before := w.known[key]
	if before != nil && event.LastTimestamp.Sub(before.last) < eventRepeats {
		err := w.repeat(ctx, before, event.LastTimestamp)
		if !apierrors.IsNotFound(err) {
			return err
		}
	}
	if err := w.create(ctx, event); err != nil {
		return err
	}
	w.remember(key, &written{namespace: event.Namespace, name: event.Name, count: 1, last: event.LastTimestamp.Time})
	return nil
}

// create writes a new event. Somebody else may have written one about the
// object in the same instant, most of all in virtual time; then the name moves on.
func (w *eventWriter) create(ctx context.Context, event *corev1.Event) error {
	const names = 16
	for i := int64(0); ; i++ {
		event.Name = eventName(event.InvolvedObject.Name, event.FirstTimestamp.UnixNano()+i)
		_, err := w.events.Create(ctx, event)
		if !apierrors.IsAlreadyExists(err) || i == names {
			return err
		}
	}
}

// repeat counts a repetition.
func (w *eventWriter) repeat(ctx context.Context, before *written, at metav1.Time) error {
	patch, err := json.Marshal(map[string]any{"count": before.count + 1, "lastTimestamp": at})
	if err != nil {
		return err
	}
	if _, err := w.events.Patch(ctx, before.namespace, before.name, types.MergePatchType, patch); err != nil {
		return err
	}
	before.count++
	before.last = at.Time
	return nil
}

// remember keeps an event, and when there are too many forgets the one that has
// been quiet longest.
func (w *eventWriter) remember(key eventKey, event *written) {
	w.known[key] = event
	if len(w.known) <= recorderMemory {
		return
	}
	oldest := key
	for candidate, e := range w.known {
		if e.last.Before(w.known[oldest].last) {
			oldest = candidate
		}
	}
	delete(w.known, oldest)
}

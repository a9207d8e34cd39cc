package kinds

import (
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// newEvents are the same events as [coreEvents], as they are written since
// Kubernetes 1.19: with better names, and rules that the older form never had.
// They are stored in the older form, as Kubernetes has it.
func newEvents() *api.Resource {
	return &api.Resource{
		GroupVersionKind: eventsv1.SchemeGroupVersion.WithKind("Event"),
		Plural:           "events",
		Singular:         "event",
		ShortNames:       []string{"ev"},
		Namespaced:       true,
		New:              func() api.Object { return &eventsv1.Event{} },
		NewList:          func() runtime.Object { return &eventsv1.EventList{} },
		Stored: api.Convert(
			func() *corev1.Event { return &corev1.Event{} },
			func(e *eventsv1.Event) (*corev1.Event, error) { return oldEvent(e), nil },
			func(e *corev1.Event) (*eventsv1.Event, error) { return newEvent(e), nil }),
		Validate: rule(func(j *judge, e *eventsv1.Event) {
			checkEvent(j, oldEvent(e), "reportingController")
		}),
		ValidateCreate: rule(func(j *judge, e *eventsv1.Event) { checkNewEvent(j, oldEvent(e)) }),
		ValidateUpdate: pairRule(func(j *judge, e, old *eventsv1.Event) {
			checkNewEventUpdate(j, oldEvent(e), oldEvent(old))
		}),
		SaidAs:         schema.GroupKind{Kind: "Event"}, // which it is stored as
		CreateOnUpdate: true,
		TTLSeconds:     func(api.Object) int64 { return eventTTL },
		FieldNames:     sortedKeys(newEventFields(&eventsv1.Event{})),
		Fields:         api.Value(newEventFields),
		Columns:        columnsThrough(eventColumns(), oldEvent),
	}
}

func oldEvent(e *eventsv1.Event) *corev1.Event {
	old := &corev1.Event{
		ObjectMeta:          e.ObjectMeta,
		InvolvedObject:      e.Regarding,
		Reason:              e.Reason,
		Message:             e.Note,
		Source:              e.DeprecatedSource,
		FirstTimestamp:      e.DeprecatedFirstTimestamp,
		LastTimestamp:       e.DeprecatedLastTimestamp,
		Count:               e.DeprecatedCount,
		Type:                e.Type,
		EventTime:           e.EventTime,
		Action:              e.Action,
		Related:             e.Related,
		ReportingController: e.ReportingController,
		ReportingInstance:   e.ReportingInstance,
	}
	if s := e.Series; s != nil {
		old.Series = &corev1.EventSeries{Count: s.Count, LastObservedTime: s.LastObservedTime}
	}
	return old
}

func newEvent(e *corev1.Event) *eventsv1.Event {
	made := &eventsv1.Event{
		ObjectMeta:               e.ObjectMeta,
		EventTime:                e.EventTime,
		ReportingController:      e.ReportingController,
		ReportingInstance:        e.ReportingInstance,
		Action:                   e.Action,
		Reason:                   e.Reason,
		Regarding:                e.InvolvedObject,
		Related:                  e.Related,
		Note:                     e.Message,
		Type:                     e.Type,
		DeprecatedSource:         e.Source,
		DeprecatedFirstTimestamp: e.FirstTimestamp,
		DeprecatedLastTimestamp:  e.LastTimestamp,
		DeprecatedCount:          e.Count,
	}
	if s := e.Series; s != nil {
		made.Series = &eventsv1.EventSeries{Count: s.Count, LastObservedTime: s.LastObservedTime}
	}
	return made
}

func newEventFields(e *eventsv1.Event) fields.Set {
	about := e.Regarding
	return fields.Set{
		"regarding.kind":            about.Kind,
		"regarding.namespace":       about.Namespace,
		"regarding.name":            about.Name,
		"regarding.uid":             string(about.UID),
		"regarding.apiVersion":      about.APIVersion,
		"regarding.resourceVersion": about.ResourceVersion,
		"regarding.fieldPath":       about.FieldPath,
		"reason":                    e.Reason,
		"reportingController":       e.ReportingController,
		"type":                      e.Type,
	}
}

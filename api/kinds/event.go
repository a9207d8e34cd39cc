package kinds

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// eventTTL is for how many seconds an event is news.
const eventTTL = 3600

func coreEvents() *api.Resource {
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Event"),
		Plural:           "events",
		Singular:         "event",
		ShortNames:       []string{"ev"},
		Namespaced:       true,
		New:              func() api.Object { return &corev1.Event{} },
		NewList:          func() runtime.Object { return &corev1.EventList{} },
		Validate:         rule(func(j *judge, e *corev1.Event) { checkEvent(j, e, "reportingComponent") }),
		ValidateName:     pathSegment,
		CreateOnUpdate:   true,
		TTLSeconds:       func(api.Object) int64 { return eventTTL },
		FieldNames:       sortedKeys(eventFields(&corev1.Event{})),
		Fields:           api.Value(eventFields),
		Columns:          eventColumns(),
	}
}

func eventFields(e *corev1.Event) fields.Set {
	source := e.Source.Component
	if source == "" {
		source = e.ReportingController
	}
	about := e.InvolvedObject
	return fields.Set{
		"involvedObject.kind":            about.Kind,
		"involvedObject.namespace":       about.Namespace,
		"involvedObject.name":            about.Name,
		"involvedObject.uid":             string(about.UID),
		"involvedObject.apiVersion":      about.APIVersion,
		"involvedObject.resourceVersion": about.ResourceVersion,
		"involvedObject.fieldPath":       about.FieldPath,
		"reason":                         e.Reason,
		"reportingComponent":             e.ReportingController,
		"source":                         source,
		"type":                           e.Type,
	}
}

func eventColumns() []api.Column {
	name := api.NameColumn()
	return []api.Column{
		text("Last Seen", docs(corev1.Event{}, "lastTimestamp"), func(e *corev1.Event) string {
			_, last := eventAges(e)
			return last
		}),
		text("Type", docs(corev1.Event{}, "type"), func(e *corev1.Event) string { return e.Type }),
		text("Reason", docs(corev1.Event{}, "reason"), func(e *corev1.Event) string {
			return e.Reason
		}),
		text("Object", docs(corev1.Event{}, "involvedObject"), func(e *corev1.Event) string {
			kind := strings.ToLower(e.InvolvedObject.Kind)
			if e.InvolvedObject.Name == "" {
				return kind
			}
			return kind + "/" + e.InvolvedObject.Name
		}),
		wide(text("Subobject", docs(corev1.ObjectReference{}, "fieldPath"), func(e *corev1.Event) string {
			return e.InvolvedObject.FieldPath
		})),
		wide(text("Source", docs(corev1.Event{}, "source"), eventSource)),
		text("Message", docs(corev1.Event{}, "message"), func(e *corev1.Event) string {
			return strings.TrimSpace(e.Message)
		}),
		wide(text("First Seen", docs(corev1.Event{}, "firstTimestamp"), func(e *corev1.Event) string {
			first, _ := eventAges(e)
			return first
		})),
		wide(count("Count", docs(corev1.Event{}, "count"), eventCount)),
		wide(name),
	}
}

// eventAges returns how long ago the event was first and last seen. Newer events
// have their times in other fields.
func eventAges(e *corev1.Event) (first, last string) {
	first = api.Age(e.FirstTimestamp)
	if e.FirstTimestamp.IsZero() {
		first = api.Age(metav1.Time(e.EventTime))
	}
	switch {
	case e.Series != nil:
		last = api.Age(metav1.Time(e.Series.LastObservedTime))
	case e.LastTimestamp.IsZero():
		last = first
	default:
		last = api.Age(e.LastTimestamp)
	}
	return first, last
}

func eventSource(e *corev1.Event) string {
	component := or(e.Source.Component, e.ReportingController)
	if host := or(e.Source.Host, e.ReportingInstance); host != "" {
		return component + ", " + host
	}
	return component
}

func eventCount(e *corev1.Event) int64 {
	switch {
	case e.Series != nil:
		return int64(e.Series.Count)
	case e.Count == 0:
		return 1
	default:
		return int64(e.Count)
	}
}

package kinds

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxEventText is how many characters an event's words can have, and
// maxEventMessage how many its message.
const (
	maxEventText    = 128
	maxEventMessage = 1024
)

// checkEvent sees to it that an event stands beside the object it tells of. What
// belongs to no namespace has its events in default. Events that use the newer
// fields, as those have that tell of an eventTime, are held to stricter rules.
// The reporter's field has another name in each group.
func checkEvent(j *judge, e *corev1.Event, reporter string) {
	about, stands := e.InvolvedObject.Namespace, false
	switch {
	case !e.EventTime.IsZero():
		stands = about != "" || e.Namespace == metav1.NamespaceDefault || e.Namespace == metav1.NamespaceSystem
	case about == "":
		stands = e.Namespace == metav1.NamespaceDefault || e.Namespace == metav1.NamespaceNone
	default:
		stands = about == e.Namespace
	}
	if !stands {
		j.invalid(field.NewPath("involvedObject", "namespace"), about, "does not match event.namespace")
	}
	if e.EventTime.IsZero() {
		return
	}
	j.filled(field.NewPath(reporter), e.ReportingController)
	j.qualified(field.NewPath(reporter), e.ReportingController)
	checkEventText(j, e.ReportingInstance, field.NewPath("reportingInstance"))
	checkEventText(j, e.Action, field.NewPath("action"))
	checkEventText(j, e.Reason, field.NewPath("reason"))
	if len(e.Message) > maxEventMessage {
		j.invalid(field.NewPath("message"), "", fmt.Sprintf("can have at most %v characters", maxEventMessage))
	}
}

func checkEventText(j *judge, text string, path *field.Path) {
	if j.filled(path, text) && len(text) > maxEventText {
		j.invalid(path, "", fmt.Sprintf("can have at most %v characters", maxEventText))
	}
}

// checkNewEvent are the rules for an event that is created in its newer form:
// the older fields are for reading only.
func checkNewEvent(j *judge, e *corev1.Event) {
	checkEventSeries(j, e.Series)
	if e.EventTime.IsZero() {
		j.required(field.NewPath("eventTime"), "")
	}
	if e.Type != corev1.EventTypeNormal && e.Type != corev1.EventTypeWarning {
		j.invalid(field.NewPath("type"), "", fmt.Sprintf("has invalid value: %v", e.Type))
	}
	for _, old := range []struct {
		name string
		set  bool
	}{
		{"firstTimestamp", !e.FirstTimestamp.IsZero()},
		{"lastTimestamp", !e.LastTimestamp.IsZero()},
		{"count", e.Count != 0},
		{"source", e.Source != corev1.EventSource{}},
	} {
		if old.set {
			j.invalid(field.NewPath(old.name), "", "needs to be unset")
		}
	}
}

func checkEventSeries(j *judge, s *corev1.EventSeries) {
	if s == nil {
		return
	}
	if s.Count < 2 {
		j.invalid(field.NewPath("series.count"), "", "should be at least 2")
	}
	if s.LastObservedTime.IsZero() {
		j.required(field.NewPath("series.lastObservedTime"), "")
	}
}

// checkNewEventUpdate: of an event in its newer form only the series goes on.
// Kubernetes looks at the reason twice, and says so twice.
func checkNewEventUpdate(j *judge, e, old *corev1.Event) {
	if !same(e.Series, old.Series) {
		checkEventSeries(j, e.Series)
	}
	for _, part := range []struct {
		name     string
		now, was any
	}{
		{"involvedObject", e.InvolvedObject, old.InvolvedObject},
		{"reason", e.Reason, old.Reason},
		{"message", e.Message, old.Message},
		{"source", e.Source, old.Source},
		{"firstTimestamp", e.FirstTimestamp, old.FirstTimestamp},
		{"lastTimestamp", e.LastTimestamp, old.LastTimestamp},
		{"count", e.Count, old.Count},
		{"reason", e.Reason, old.Reason},
		{"type", e.Type, old.Type},
	} {
		j.unchanged(field.NewPath(part.name), part.now, part.was)
	}
	// Times travel in microseconds in some forms and are finer in others.
	if !e.EventTime.Truncate(time.Microsecond).Equal(old.EventTime.Truncate(time.Microsecond)) {
		j.unchanged(field.NewPath("eventTime"), e.EventTime, old.EventTime)
	}
	j.unchanged(field.NewPath("action"), e.Action, old.Action)
	j.unchanged(field.NewPath("related"), e.Related, old.Related)
	j.unchanged(field.NewPath("reportingController"), e.ReportingController, old.ReportingController)
	j.unchanged(field.NewPath("reportingInstance"), e.ReportingInstance, old.ReportingInstance)
}

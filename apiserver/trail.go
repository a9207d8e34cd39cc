package apiserver

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/uuid"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// A trail is what the auditor hears of a request: an event that grows on the way
// and is told stage by stage.
//
//	RequestReceived ──> ResponseStarted (streams) ──> ResponseComplete, or Panic
//
// A nil trail is that of a request of which nothing is kept: all its methods do
// nothing.
type trail struct {
	auditor  Auditor
	rule     AuditRule
	event    auditv1.Event
	started  bool   // tell when the answer starts
	unheard  bool   // that is all there is to tell
	over     func() // called once the end is told; nil if nobody waits for that
	request  *copied
	response *copied
}

// maxAgent is how many bytes of a client's name are kept.
const maxAgent = 1024

// audit begins the trail of a request whose user is known.
func (q *request) audit() error {
	if q.server.Auditor == nil {
		return nil
	}
	q.trace(q.info.attributes(q.user, nil))
	if q.trail == nil {
		return nil
	}
	q.trail.started = q.longRunning()
	if err := q.trail.tell(auditv1.StageRequestReceived); err != nil {
		q.trail, q.w.trail = nil, nil // that nothing can be told is all there is to tell
		return apierrors.NewInternalError(errors.New("failed to store audit event"))
	}
	q.server.open.begin()
	q.trail.over = q.server.open.end
	return nil
}

// unheard begins the trail of a request that is refused before its user is known,
// and returns the refusal. All that is told of such a one is its answer.
func (q *request) unheard(err error) error {
	if q.server.Auditor == nil {
		return err
	}
	info := q.info
	if info == nil {
		info = &RequestInfo{Path: q.URL.Path, Verb: strings.ToLower(q.Method)}
	}
	q.trace(info.attributes(nil, nil))
	if q.trail == nil {
		return err
	}
	q.trail.started, q.trail.unheard = true, true
	return err
}

// trace begins a trail, if something is to be kept of the request.
func (q *request) trace(a *Attributes) {
	id := q.Header.Get(auditv1.HeaderAuditID)
	if id == "" {
		id = string(uuid.NewUUID())
	}
	q.Header.Set(auditv1.HeaderAuditID, id) // for who else serves it
	q.w.Header().Set(auditv1.HeaderAuditID, id)
	rule := q.server.Auditor.Rule(a)
	if !rule.includes(auditv1.LevelMetadata) {
		return
	}
	agent := q.UserAgent()
	if len(agent) > maxAgent {
		agent = agent[:maxAgent] + "...TRUNCATED"
	}
	event := auditv1.Event{
		Level: rule.Level, AuditID: types.UID(id), RequestURI: q.URL.RequestURI(), Verb: a.Verb, UserAgent: agent,
		RequestReceivedTimestamp: metav1.NewMicroTime(time.Now()),
	}
	event.Kind, event.APIVersion = "Event", auditv1.SchemeGroupVersion.String()
	for _, ip := range utilnet.SourceIPs(q.Request) {
		event.SourceIPs = append(event.SourceIPs, ip.String())
	}
	event.User = a.User.Info()
	if a.Path == "" {
		event.ObjectRef = &auditv1.ObjectReference{
			Namespace: a.Namespace, Name: a.Name, Resource: a.Resource.Resource, Subresource: a.Subresource,
			APIGroup: a.Resource.Group, APIVersion: a.Resource.Version,
		}
	}
	q.trail = &trail{auditor: q.server.Auditor, rule: rule, event: event}
	q.w.trail = q.trail
}

// annotate notes something. The first value of a key stays.
func (t *trail) annotate(key, value string) {
	if t == nil {
		return
	}
	if _, there := t.event.Annotations[key]; there {
		return
	}
	if t.event.Annotations == nil {
		t.event.Annotations = map[string]string{}
	}
	t.event.Annotations[key] = value
}

// annotateContent notes what shows of the object itself, which is kept only where
// the object is.
func (t *trail) annotateContent(key, value string) {
	if t != nil && t.rule.includes(auditv1.LevelRequest) {
		t.annotate(key, value)
	}
}

// decided notes what the authorizer said.
func (t *trail) decided(decision Decision, reason string) {
	said := "forbid"
	if decision == Allow {
		said = "allow"
	}
	t.annotate("authorization.k8s.io/decision", said)
	t.annotate("authorization.k8s.io/reason", reason)
}

// impersonated notes as whom the user acts, and in which mode.
func (t *trail) impersonated(user *User, mode string) {
	if t == nil {
		return
	}
	info := user.Info()
	t.event.ImpersonatedUser = &info
	if mode != legacyMode {
		t.event.AuthenticationMetadata = &auditv1.AuthenticationMetadata{ImpersonationConstraint: "impersonate:" + mode}
	}
}

// begun notes the code of the answer, and tells of it if the request is a stream.
func (t *trail) begun(code int) {
	if t == nil {
		return
	}
	status := metav1.Status{}
	if t.event.ResponseStatus != nil {
		status = *t.event.ResponseStatus
	}
	status.Code = int32(code)
	t.event.ResponseStatus = &status
	if t.started {
		_ = t.tell(auditv1.StageResponseStarted) // it is too late to refuse
	}
}

// end tells that the request is over.
func (t *trail) end() {
	if t == nil {
		return
	}
	if t.event.ResponseStatus == nil {
		t.event.ResponseStatus = &metav1.Status{Code: http.StatusOK, Status: metav1.StatusSuccess, Message: "Connection closed early"}
		if t.started {
			_ = t.tell(auditv1.StageResponseStarted)
		}
	}
	if t.unheard {
		return
	}
	defer t.close()
	t.addCopies()
	_ = t.tell(auditv1.StageResponseComplete)
}

// close says, once, that all has been told.
func (t *trail) close() {
	if t.over != nil {
		t.over()
		t.over = nil
	}
}

// panicked tells that the request ended in a panic.
func (t *trail) panicked(cause any) {
	if t == nil {
		return
	}
	defer t.close()
	t.event.ResponseStatus = &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError,
		Message: fmt.Sprintf("APIServer panic'd: %v", cause),
	}
	_ = t.tell(auditv1.StagePanic)
}

// tell gives the auditor the event as it stands at a stage. The auditor counts
// what it cannot keep.
func (t *trail) tell(stage auditv1.Stage) error {
	if slices.Contains(t.rule.OmitStages, stage) {
		return nil
	}
	event := t.event
	event.Annotations = maps.Clone(t.event.Annotations)
	event.Stage, event.StageTimestamp = stage, event.RequestReceivedTimestamp
	if stage != auditv1.StageRequestReceived {
		event.StageTimestamp = metav1.NewMicroTime(time.Now())
	}
	return t.auditor.Record(&event)
}

package apiserver

import auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

// An Auditor keeps record of requests, for those who ask later who did what.
// Package audit has the usual one.
type Auditor interface {
	// Rule says how much to keep of a request. The attributes' user is who sent
	// it, even if that is to act as another; nil if that did not come out.
	Rule(a *Attributes) AuditRule
	// Record keeps an event, which is the auditor's from then on. A request that
	// is not served yet, at the stage RequestReceived, ends with the error.
	Record(event *auditv1.Event) error
}

// An AuditRule is how much to keep of a request.
type AuditRule struct {
	// Level is None, or empty, for a request of which nothing is kept.
	Level auditv1.Level
	// OmitStages are stages of which nothing is kept.
	OmitStages []auditv1.Stage
	// OmitManagedFields leaves out of objects who manages their fields.
	OmitManagedFields bool
}

// includes says whether what the level is for is kept.
func (r AuditRule) includes(level auditv1.Level) bool { return depth(r.Level) >= depth(level) }

func depth(level auditv1.Level) int {
	switch level {
	case auditv1.LevelMetadata:
		return 1
	case auditv1.LevelRequest:
		return 2
	case auditv1.LevelRequestResponse:
		return 3
	default:
		return 0
	}
}

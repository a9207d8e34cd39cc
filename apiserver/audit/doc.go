// Package audit keeps record of who asked an API server for what, and what came of it:
// the audit log of Kubernetes.
//
//	request ──> Policy: how much of it to keep ──> None: nothing
//	              │ first rule that matches
//	              v
//	            events, one for each stage ──> Sink: a Log, or code of yours
//	            RequestReceived, ResponseStarted, ResponseComplete, Panic
//
// An [Auditor] is what an [apiserver.Config] takes. The server makes the events
// (apiserver/trail.go); this package decides which, and keeps them.
//
// # Levels
//
// Metadata says who, when, on what and with which outcome, but nothing of what is in the
// objects. Request adds the object that was sent, RequestResponse also the one that was
// answered. What is secret is in the latter two: a [Policy] should leave Secrets,
// ConfigMaps and tokens at Metadata. [Sensible] does.
//
// # The log
//
// A [Log] writes each event as a line of JSON. A request goes on when its line has
// been written, so what was answered stands in the log. The lines of all requests that
// come meanwhile are written at once, by the goroutine of [Log.Run]. A disk or a reader that
// takes nothing holds a request up for a few seconds at most; one that cannot be told
// of is not served, and what else is lost is counted in apiserver_audit_error_total.
//
// # Concurrency
//
// An Auditor and a Log are safe for concurrent use. Nothing starts before Run, and
// time comes from package time, so all works in a testing/synctest bubble.
//
// # In Kubernetes
//
// The policy file, the events and the flags are Kubernetes' own
// (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/). There, the log is
// written by each request in turn, or in batches that may be lost; and a policy
// file with unknown fields is taken. Events can also be sent to a webhook.
//
// # Reading order
//
// policy.go, match.go, auditor.go, log.go, file.go.
package audit

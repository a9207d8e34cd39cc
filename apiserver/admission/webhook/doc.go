// Package webhook lets programs outside the server change and judge what is
// written.
//
// # Model
//
// A webhook is a program that answers AdmissionReviews over HTTPS; the objects
// ValidatingWebhookConfiguration and MutatingWebhookConfiguration say which
// requests it wants to see, and where it is:
//
//	objects ── Run follows them ──> [ webhook: constraints, conditions, caller ]   compiled once
//	                                      │
//	request ── rules and selectors match, conditions hold ──> POST AdmissionReview
//	                                      │                       │
//	      a.Replace(patched object) <── patch <── allowed <── AdmissionReview
//	                                      │
//	      refusal <──────────────────── denied, or failed with failurePolicy Fail
//
// Mutating webhooks are called one after the other, in the order of their
// configurations' names and then of the list, each with the object as the one
// before has left it. If a later one, or another hook, changes the object again,
// those with the reinvocation policy IfNeeded are called once more. Validating
// webhooks see the final object and are called all at once.
//
// # Failure
//
// A webhook that cannot be reached, does not answer in time, or answers with
// something that is no answer has failed; then its failurePolicy decides. What it says is not
// trusted further than needed: an answer is read up to [maxAnswer] bytes, redirects are
// not followed, the UID must be that of the question, and a patch must not make the
// object larger than a client could send one.
//
// # Configuration
//
// Run follows the configurations, so a change counts within moments and requests read
// nothing. Requests that come before Run has seen the first state wait for it.
// A service's endpoint is looked up for every call.
//
// # Concurrency
//
// Webhooks starts nothing until Run. Validating webhooks are called from
// goroutines that end before Validate returns.
//
// # In Kubernetes
//
// This is MutatingAdmissionWebhook and ValidatingAdmissionWebhook, whose texts and audit
// annotations are kept. kube-apiserver calls the ClusterIP of a service or, set up so, an endpoint;
// here it is always an endpoint. Client certificates for webhooks, which it takes from a
// file, are left out.
//
// # Reading order
//
// webhooks.go, mutating.go, validating.go, call.go, review.go, client.go, service.go.
package webhook

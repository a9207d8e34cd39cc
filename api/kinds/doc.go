// Package kinds holds the built-in kinds of the API: for each its names, its
// defaults, its rules, and its table for kubectl.
//
// A kind is one file with one function that returns its [api.Resource]; a kind
// with much to say has neighbours, named for what they hold:
//
//	configmap.go             names and rules, all in one
//	pod.go                   names, subresources, grace period, selectable fields
//	pod_default.go           what a pod gets that it leaves out
//	pod_validate.go ...      what a pod must not be, part by part
//	pod_update.go            what may change of a pod that exists
//	pod_columns.go           "1/1 Running 3 (5m ago)"
//
// [Registry] is the lot of them, built once and shared; nothing in it is ever
// changed.
//
// # Defaults
//
// A default is an ordinary assignment, made where the field is empty. Defaults
// are applied to what clients send and to what the store returns, so they must
// be stable: applied twice they change nothing, and a template that was
// defaulted compares equal to itself read back.
//
// # Rules
//
// A rule takes a judge, the part to be judged and the path to it, and reports
// all it finds:
//
//	func checkLease(j *judge, l *coordinationv1.Lease) {
//		if s := l.Spec.LeaseDurationSeconds; s != nil && *s <= 0 {
//			j.invalid(field.NewPath("spec", "leaseDurationSeconds"), *s, "must be greater than 0")
//		}
//	}
//
// Some rules of Kubernetes are generated from its types, and report what they find
// after all others: here these are judge.later. What is wrong is shown as
// Kubernetes shows it (shown.go).
//
// The paths and texts are those of Kubernetes, for people look them up and
// programs match them. The cases in testdata are the specification by example:
// each shows an object and what becomes of it.
//
// # What is not supported
//
// A field that the server takes but no part of the cluster heeds would be a lie,
// so these are refused, with "is not supported by this server": Windows pods,
// dynamic resource allocation (resourceClaims), resources for the pod as a whole,
// restart rules, volume sources other than
// those in volume_validate.go and persistentvolume.go, data sources of claims.
//
// Whether an expression compiles is not judged here: [Expressions] hands those of
// webhooks, policies and the selectors of devices to who has a compiler.
//
// Kinds that are not here are not served: nothing is listed that does not work.
//
// # In Kubernetes
//
// The same is spread over pkg/apis/*/v1/defaults.go, pkg/apis/*/validation,
// pkg/registry/*/*/strategy.go and pkg/printers. There a rule has to tolerate
// what any earlier release let through; here there is no earlier release.
//
// # Reading order
//
// kinds.go, configmap.go, judge.go, columns.go; then deployment.go with
// workload.go, and the files of the pod in the order given in pod_validate.go.
package kinds

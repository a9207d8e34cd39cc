// Package aggregator lets other servers serve groups of the API: what Kubernetes
// calls the aggregation layer.
//
// An APIService says who serves one version of a group. Most are local: this
// server does, and its object is only there to say so. One that names a Service
// makes the requests for its group go to that Service:
//
//	                   ┌ apps/v1              APIService v1.apps, local ────> this server
//	request for a      │
//	group's version ───┤ shop.example.com/v1  APIService v1.shop.example.com, service shop/api
//	                   │
//	                   └────> authenticate, authorize, then pass on to a ready endpoint of
//	                          shop/api over TLS, as a front proxy: X-Remote-User, X-Remote-Group ...
//
// The server behind knows by the front proxy's certificate that the headers are
// true; it asks back with TokenReview and SubjectAccessReview if it wants to
// judge by itself. Its own certificate is checked against the APIService's
// caBundle and must be for SERVICE.NAMESPACE.svc.
//
// # What is kept
//
// For every APIService with a Service there is a [backend], which asks the server
// behind for its discovery, again and again: every second while it does not answer,
// every 30 seconds while it does. What comes of it is the APIService's condition
// Available, the resources that discovery shows, and whether requests are passed
// on at all or answered with 503.
//
// For every group version that this server serves, custom resources included,
// there is a local APIService; it comes and goes with the group. An APIService
// that somebody gave a Service is left alone, so a real metrics-server can take
// the place of the figures that are served in process.
//
// # Concurrency
//
// [Aggregator.Run] follows the APIServices and runs the backends; all of it ends
// with its context. Requests read one atomic pointer, and while no APIService names a
// Service they cost nothing.
//
// # In Kubernetes
//
// kube-aggregator is the first of the three servers of a kube-apiserver, and
// treats the other two as local APIServices. It takes OpenAPI v2 from servers
// that have no v3; here such a group has no OpenAPI.
//
// # Reading order
//
// aggregator.go, backend.go, judge.go (what makes a backend available),
// proxy.go, discovery.go, openapi.go, local.go.
package aggregator

// Package resourcequota says in each ResourceQuota how much of it is used.
//
//	something is deleted, a pod ends ──▶ quotas of its namespace ──▶ count what there is
//	                                                                      │
//	quota.status   hard: what the spec says    used: ◀────────────────────┘
//
// The API server adds to used before it stores an object, and refuses what has no
// room. This controller takes away: it counts again whenever something has gone that
// may have been counted, and now and then in any case, since a charge can be left
// over from a request that failed after all. What counts is decided in
// [github.com/coracle-k8s/coracle/api/quota], as it is in the server.
//
// # Counting beside those who add
//
// The quota is read first and the objects after it, both from the server and not
// from a cache, and the sum is written on condition that the quota has not
// changed: so no charge gets lost, unless its object is on its way to the store at just
// that moment. Then used is too low until the next count; Kubernetes has the same gap.
//
// # In Kubernetes
//
// There, the controller follows every kind all the time, and counts from its caches.
// Here, only kinds that some quota names are followed.
//
// Reading order: resourcequota.go, count.go, follow.go.
package resourcequota

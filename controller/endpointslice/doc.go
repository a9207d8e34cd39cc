// Package endpointslice writes down which pods are behind each Service.
//
//	Service selector ─┐
//	                  ├─▶ Endpoints (pure) ─▶ Slices (pure) ─▶ create, update, delete
//	pods that match  ─┘                          ▲
//	                       the slices there are ─┘
//
// A Service with a selector gets EndpointSlices of at most a hundred endpoints:
// a slice that changes is sent to every node, so with thousands of pods behind a
// Service it matters that one pod's coming changes one small slice (KEP-752).
// Existing slices are therefore kept as they are where possible, and new
// endpoints fill those that have room.
//
// A Service without a selector is left alone: somebody else says what is behind it.
//
// An endpoint is ready when its pod is; one whose pod is ending is not ready, but
// may still be serving, which the proxies use when nothing else is left (KEP-1669).
//
// Kubernetes also mirrors this into the older Endpoints objects; here only
// EndpointSlices are written, which everything current reads.
//
// Reading order: endpoints.go, slices.go, endpointslice.go.
package endpointslice

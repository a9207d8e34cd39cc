// Package bootstrap makes the objects that the API server itself owns: the four
// namespaces, the two system priority classes, and the service through which pods
// reach the server.
//
//	default/kubernetes  Service        ClusterIP 10.96.0.1, port 443
//	                    Endpoints      the address that the server advertises
//	                    EndpointSlice  the same, for who reads these
//
// [Bootstrap.Once] makes them, and repairs what somebody broke; [Bootstrap.Run]
// keeps them so. Each step is one object: created if missing, changed
// if wrong, left alone if right.
//
// # In Kubernetes
//
// Several servers take turns in one Endpoints object with leases; here each
// server writes the address it was given, so servers side by side should be given
// that of the balancer in front of them.
package bootstrap

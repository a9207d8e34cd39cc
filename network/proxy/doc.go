// Package proxy makes Services reachable: it spreads the connections made to a
// Service's address over the pods behind it.
//
// A Service is an address that no machine has. Something on the way must
// replace it by a pod's, for every connection anew. This package works out what
// is to be replaced by what, and leaves the replacing to a backend:
//
//	Services       ─┐
//	                ├─▶ Build ─▶ Table ─▶ Backend.Sync
//	EndpointSlices ─┘    (pure)             nftables    in the kernel
//	                                        userspace   listeners of this process
//	                                        Balancer    a function, for in-memory networks
//
// [Build] is a pure function from objects to a [Table], the whole of the rules
// as a value that prints itself. [Proxy] is the shell around it: it watches the
// API server and hands each new table to the backend, which makes the world
// look like it. Tables are complete, never differences, so a backend that was
// restarted or missed one is right again with the next.
//
// What is supported: ClusterIP, NodePort and external IPs over TCP, UDP and
// SCTP, session affinity by client address, internal and external traffic
// policy, terminating endpoints as last resort.
//
// In Kubernetes this is kube-proxy, on every node
// (https://kubernetes.io/docs/reference/networking/virtual-ips/).
//
// Reading order: table.go, build.go, proxy.go, balancer.go, nftables.
package proxy

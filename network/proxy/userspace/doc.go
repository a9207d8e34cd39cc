// Package userspace is the Service proxy for machines without privileges: it
// opens the ports of Services as ordinary listeners, and copies bytes.
//
//	client ──▶ 127.0.0.1:30080 ─┐
//	                            ├─ Accept ─▶ Balancer.Pick ─▶ dial the pod ─▶ copy, both ways
//	client ──▶ 127.0.0.1:41357 ─┘
//
// A [Proxy] is a [proxy.Backend]. Each port of a table has a goroutine that
// listens, and tries again for as long as somebody else has the port. Of each
// connection the [proxy.Balancer] says which pod answers, so affinity and traffic
// policies are those of the other backends.
//
// # What it cannot do
//
// A process without privileges cannot take an address, so ClusterIPs are not
// served; their Services can be given a free port each instead, see
// [Config.Services]. Pods see the proxy as their client. Only TCP is served: a
// port of another protocol is named in the log, once, and left alone.
//
// # In Kubernetes
//
// kube-proxy began like this and had a userspace mode until release 1.25. It
// redirected ClusterIPs to its listeners with iptables, which needs root as much
// as today's modes do, so here that is left out.
//
// Reading order: userspace.go, port.go, connection.go.
package userspace

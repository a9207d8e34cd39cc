// Package dns answers the names of Services and pods.
//
// A Service keeps its address while its pods come and go, and a name is what
// people and programs know instead of the address. The names follow a fixed
// scheme, the Kubernetes DNS specification
// (https://github.com/kubernetes/dns/blob/master/docs/specification.md), here
// for the domain cluster.local:
//
//	web.shop.svc.cluster.local               A    the Service's ClusterIP
//	db.shop.svc.cluster.local                A    of a headless Service: every ready pod
//	db-0.db.shop.svc.cluster.local           A    one pod of a headless Service
//	_http._tcp.web.shop.svc.cluster.local    SRV  a named port
//	docs.shop.svc.cluster.local              CNAME  of an ExternalName Service
//	10-244-1-7.shop.pod.cluster.local        A    a pod, by its address
//	1.0.96.10.in-addr.arpa                   PTR  back to the name
//
// Data flows one way:
//
//	API server ─▶ informers ─▶ Source ─▶ Zone.Answer ─▶ Server ─▶ pods
//	                                      (pure)          └▶ upstream, for the world's names
//
// [Zone] is a pure function from a question and a [Source] to an answer;
// [Server] puts it on UDP and TCP, and asks somebody else about names outside
// the zone. A name that does not exist is told apart from one that has no
// address of the kind asked for (NXDOMAIN and NODATA, RFC 2308): resolvers that
// ask for IPv6 first give up at the former.
//
// In Kubernetes this is CoreDNS with its kubernetes plugin, run as pods behind
// the Service kube-system/kube-dns.
//
// Reading order: zone.go, answer.go, source.go, server.go.
package dns

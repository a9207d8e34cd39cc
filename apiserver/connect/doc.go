// Package connect serves the subresources that are no objects: into a running
// pod, through a proxy, or an action on a pod.
//
// # Model
//
// The server has authenticated and authorized the request and calls the
// [apiserver.Connector] of its subresource. Most pass it on to the kubelet of the
// pod's node, as the only one who can reach the containers:
//
//	kubectl exec                 API server                       kubelet
//	-------------                ----------                       -------
//	POST .../pods/web/exec ----> which node? which container?
//	Upgrade: SPDY/3.1            POST /exec/default/web/app ----> 101
//	                      <----- 101 <---------------------------
//	   <====================== bytes, both ways, unread ======================>
//
// What flows after the upgrade (WebSocket, SPDY, whatever the two ends agreed
// on) is copied byte for byte. That is all that Kubernetes itself does with
// kubelets of today (KEP-4006).
//
//	pods/log, exec, attach, portforward   logs.go, stream.go: to the kubelet
//	pods/proxy, services/proxy            proxy.go: HTTP to the pod itself
//	nodes/proxy                           proxy.go: HTTP to the kubelet
//	pods/binding, bindings                binding.go: the scheduler's verdict
//	pods/eviction                         eviction.go: a delete that asks the pod's budget first
//
// # Trust
//
// The server speaks to kubelets and pods as itself. It never passes on the
// client's credentials, and connects only to addresses that a node or pod can have,
// not to the machine's own loopback or link-local ones.
//
// # Concurrency
//
// Connectors are safe for concurrent use. A stream ends when either side closes,
// or the request's context ends; when ServeConnect returns, so have the two
// copying goroutines.
//
// # In Kubernetes
//
// kube-apiserver translates WebSockets to SPDY for old kubelets, and rewrites links
// in HTML pages that it proxies; neither is done here.
//
// # Reading order
//
// connect.go, nodes.go, containers.go, stream.go, logs.go, proxy.go, endpoint.go,
// binding.go, eviction.go with budget.go.
package connect

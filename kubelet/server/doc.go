// Package server is the kubelet's HTTP server: what the API server, and through
// it kubectl, asks of a node.
//
//	GET  /containerLogs/{namespace}/{pod}/{container}   logs
//	     /exec/{namespace}/{pod}[/{uid}]/{container}    kubectl exec
//	     /attach/{namespace}/{pod}[/{uid}]/{container}  kubectl attach
//	     /portForward/{namespace}/{pod}[/{uid}]         kubectl port-forward
//	GET  /stats/summary, /pods, /metrics, /healthz
//
// # Streams
//
// Exec and attach carry up to five streams over one connection: stdin, stdout,
// stderr, the outcome, and the size of the terminal. Clients do that in one of
// three ways, and since the API server passes bytes on without looking at them,
// all three end here:
//
//	WebSocket v5.channel.k8s.io   one byte of channel number, then data; 255 and
//	                              a channel number says that stdin has ended
//	WebSocket v4 and older        without that; before v4 the outcome is plain text
//	SPDY/3.1                      real streams in one connection
//
// Port-forward opens streams at any time, so it is always SPDY; a WebSocket with
// the protocol SPDY/3.1+portforward.k8s.io merely carries SPDY's bytes (KEP-4006).
//
// The server knows nothing of pods: a [Node] tells it. Paths are matched
// against pods and containers that the node has, and never become file names.
//
// # In Kubernetes
//
// pkg/kubelet/server with its own container log reader, and the same streaming
// library below. It redirects streams to the runtime's own server; ours calls
// the runtime in process.
//
// # Reading order
//
// server.go, logs.go, exec.go, websocket.go, portforward.go, stats.go.
package server

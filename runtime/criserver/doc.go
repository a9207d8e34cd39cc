// Package criserver puts container runtimes on the wire and takes them off it:
// [Serve] makes a server of the Container Runtime Interface out of a runtime in
// this process, [Dial] makes a runtime out of such a server.
//
//	crictl, a kubelet                          our kubelet
//	       │ gRPC on a unix socket                  │ calls
//	       ▼                                        ▼
//	    Serve ──calls──► runtime.Runtime         Dial's Runtime
//	       ▲             (runc, goroutine)          │ gRPC on a unix socket
//	       │ SPDY or WebSocket                      ▼
//	    exec, attach,                          containerd, CRI-O, or Serve
//	    port-forward
//
// With both, any of our runtimes serves the real kubelet, and our kubelet runs
// on any CRI runtime. Joined end to end they are still a runtime, which is how
// they are tested: package runtimetest grades a runtime behind a socket like the
// one it wraps.
//
// # Two protocols
//
// Plain calls are gRPC, with the service definitions of k8s.io/cri-api. Streams
// are not: CRI's Exec, Attach and PortForward answer with a URL, and the caller
// opens an HTTP connection there that is upgraded to several streams. [Serve]
// runs an HTTP server beside the gRPC one for that. A URL carries a random token
// that is good once, for a minute; it is on the loopback address unless the
// options say otherwise, since the token is all that protects it.
//
//	client                     gRPC                    HTTP
//	  │── Exec(container, cmd) ─►│
//	  │◄─ http://127.0.0.1:p/exec/TOKEN ─│
//	  │── POST /exec/TOKEN, Upgrade: SPDY/3.1 ──────────►│── StreamExec ──►
//	  │◄════ error, stdin, stdout, stderr, resize ══════►│
//
// The streams are those of the protocol v4.channel.k8s.io: the error stream
// ends with a JSON status that holds the exit code. [Dial] speaks SPDY, which
// containerd and CRI-O accept; the server accepts WebSocket too.
//
// # Endings
//
// [Serve] returns when its context ends and every call and stream has ended. A
// client that goes away in the middle of a stream ends the context of the
// runtime's method.
//
// # In Kubernetes
//
// The server's streams are the library that containerd and CRI-O use,
// k8s.io/cri-streaming. The kubelet proxies streams to the URL instead of
// taking part in them.
//
// # Reading order
//
// server.go, service.go, streams.go; then client.go, forward.go, spdy.go.
package criserver

// Package shim is the small process that stands between the runtime and one
// container, so that the container outlives the runtime.
//
//	runtime ──start──► shim ──runc run──► container
//	   ▲                │ ▲                   │
//	   │   shim.sock    │ └── stdout, stderr ─┘
//	   └── wait, attach,│         └──► log file, attached clients
//	       signal, logs └──► exit.json, when the container ends
//
// A process's parent must be there to learn how it ended, and the other end of
// its pipes must be there for it to write. Both would die with the runtime. So
// each container gets a shim: the running program again, started under another
// name (see [Main]), in a session of its own. The shim asks the kernel to be given
// orphans (PR_SET_CHILD_SUBREAPER), lets "runc run --detach" make the container,
// and so becomes its parent when runc exits.
//
// The shim's working directory holds all that it shares with the runtime:
//
//	shim.json   what to run, written by the runtime          [Config]
//	shim.pid    the shim's process
//	pid         the container's first process, written by runc
//	shim.sock   one request for each connection              [Request]
//	exit.json   how the container ended                      [Exit]
//	runc.log    what runc complained about
//	shim.log    what the shim complained about
//
// A runtime that comes back finds a socket that answers, or exit.json.
//
// In Kubernetes, containerd has one shim for each pod that speaks ttrpc, and
// CRI-O has conmon, a C program for each container. This one is like conmon.
//
// Reading order: protocol.go, main.go, container.go, output.go, logfile.go,
// server.go; client.go is the runtime's side.
package shim

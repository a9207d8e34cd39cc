// Package goroutine is a container runtime whose containers are Go functions.
//
// With it a whole cluster runs inside one test process: no root, no sockets, no
// images to download, on any operating system, and inside a testing/synctest
// bubble, where a week of the cluster's life takes milliseconds. Everything
// above it is the real thing: a kubelet drives it through the same CRI calls as
// containerd.
//
//	kubelet ── CRI ──►  Runtime (one node)          Registry (name ─► Program)
//	                    │ pull ◄───────────────────────┘
//	   sandbox = an IP address on the Network
//	   │
//	   ├─ container = a goroutine that runs  func(ctx, *Process) int
//	   │     stdout, stderr ──► log file in CRI format, attached clients
//	   │     files          ──► mounts on the host, or a folder of its own
//	   │     Listen, Dial   ──► Network ──► pods of other nodes
//	   └─ container ...
//
// # A program
//
// A [Program] gets a [Process], which is its operating system, and returns its
// exit code. SIGTERM comes on Process.Signals; SIGKILL is the end of its
// context. A goroutine cannot be killed: when the runtime says a container has
// exited, its output, files and connections are cut off, and the function must
// return soon after. [Runtime.Close] waits for it. A panic is exit code 2 and a
// stack in the log; it never ends the process that runs the cluster.
//
// What a program uses is what it says: [Process.SetCPU] and [Process.SetMemory]
// feed the statistics, so that autoscaling can be tested, and memory above the
// limit kills it. Users, capabilities and seccomp have nothing to confine here
// and are accepted without effect; devices, mounts of images and UDP are
// refused.
//
// # The network
//
// A [Network] is shared by the nodes of a cluster. Connections are buffered in
// memory, with deadlines, half-close and resets. Two hooks join it to the rest:
// a [Translator] turns Service addresses into those of pods, as a node's proxy
// would, and a [Resolver] answers names. [Network.Dial] reaches pods from
// outside, for probes and tests; [Network.Attach] puts a server there that is no
// pod, such as an API server.
//
// # Life of a container
//
//	CREATED ──StartContainer──► RUNNING ──returns, panics, or is killed──► EXITED
//
// Who sees EXITED sees the whole log: output is closed before the state
// changes.
//
// # Concurrency
//
// Everything exported is safe for concurrent use. Each running program, and
// each exec, is one goroutine, and [Runtime.Close] returns when all have ended.
// Waiting is on channels and condition variables only, so that a bubble's clock
// can advance.
//
// # In Kubernetes
//
// Nothing like it exists there; the nearest is kwok, whose pods only pretend to
// run. A real runtime is a separate process (containerd, CRI-O; here package
// runc), and its containers outlive it. These end with it.
//
// # Reading order
//
// runtime.go, sandbox.go, container.go, run.go and stop.go for the life of a
// container; process.go and files.go for what a program sees; stdio.go, log.go, exec.go and
// attach.go for its streams; network.go, host.go, listener.go, conn.go and
// pipe.go for the network. Package runtimetest holds it to the CRI.
package goroutine

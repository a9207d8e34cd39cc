// Package kubelet runs the pods of one node: it makes the containers that the
// API server says should run there run, through a container runtime, and says
// how they are.
//
//	           API server
//	  pods │ ▲ status, events      ▲ Node, Lease
//	       ▼ │                     │
//	┌─ Kubelet ────────────────────┴──────────────┐
//	│ one worker for each pod:                    │      kubectl logs, exec,
//	│   observe ─▶ podsync.Decide ─▶ jobs, status │ ◀── attach, port-forward
//	│      ▲           ▲                │         │      through the API server
//	│      │         probes             ▼         │
//	│   events       volumes, env, images, hooks  │
//	└──────┼──────────────────────────────┬───────┘
//	       └───────── CRI runtime ◀───────┘
//
// # One pod, one goroutine
//
// A worker looks at three things: the pod in the API server, what the runtime
// reports, and what jobs it has under way. [podsync.Decide], a pure function,
// turns them into actions and a status. Each action is a job in a goroutine of
// its own, so that pulling one image, or stopping one container that takes its
// time, holds up nothing else. When anything changes the worker looks again, at
// everything. It trusts no memory of what the runtime should be like; so a
// kubelet that restarts finds its pods running and leaves them so.
//
// # The end of a pod
//
// A deleted pod still has an object, with a deletionTimestamp, until its kubelet
// lets it go. The worker stops the containers within the grace period, writes
// the last status with the exit codes, takes the volumes away, and only then
// deletes the object, with grace period 0 and the uid as a precondition. What
// watches the pod sees how it ended; what waits for its name may be sure that
// nothing of it runs.
//
// # When others fail
//
// Without the API server pods go on, are probed and restarted; statuses are
// written when it is back. Without the runtime the node is not ready. Events
// are a courtesy and may be lost.
//
// # In Kubernetes
//
// The kubelet is the largest of the components. This one leaves out device and
// CPU managers, eviction under pressure, image garbage collection, static pods,
// CSI, runtime classes, user namespaces and in-place resize; a pod that needs
// one of them fails with a message that says so. Cgroups of pods are made by the runtime,
// at the place that the kubelet names.
//
// # Reading order
//
// kubelet.go, pods.go, podworker.go, podsync (its own reading order), perform.go,
// status.go, finish.go. Then, beside the spine: container.go, sandbox.go,
// security.go, image.go, hooks.go, podprobes.go, refresh.go for what it takes to
// run a container; node.go, nodestatus.go, lease.go for the node; events.go for
// how it hears from the runtime; handler.go and package server for what it
// answers. Packages volume, env, probe, logs and objects stand by themselves.
package kubelet

// Package podsync decides what the kubelet does for a pod: the pure core of a
// node, without clock, runtime or network.
//
// # Model
//
//	wanted (the pod) ─┐
//	the runtime says ─┤                ┌─ actions: start, stop, ...
//	jobs under way  ──┼─▶  Decide  ─▶ ─┼─ status: what people see
//	probe results   ──┤                ├─ memory: back-off, troubles
//	memory, time    ──┘                └─ when to look again
//
// The kubelet calls [Decide] whenever something changed, does the actions, each
// as a job of its own, and calls it again when one is done. What is under way
// is part of the [State], so nothing is started twice; and what the runtime
// reports is taken as it is each time, so a kubelet that restarts picks up
// where the other stopped.
//
// # The order of things
//
// A pod that should run gets, one after the other: its volumes, its sandbox,
// its init containers in order (a sidecar, which is an init container with
// restartPolicy Always, only needs to have started), then its containers all
// at once. A container that ends is started again as the restart policy says:
// at once the first time, then after 10 s, 20 s and so on up to 5 minutes; ten
// minutes of running make that forgotten.
//
// A pod ends when it is deleted, its deadline is over, the node rejects it, or
// its containers are over for good. Then containers are stopped first, sidecars
// in reverse order after them, the sandbox last. [Plan.Stopped] says when all
// that is done.
//
// # In Kubernetes
//
// The kubelet's syncPod, computePodActions, generateAPIPodStatus, podWorkers
// and back-off caches do this, spread over some files of several thousand
// lines, each acting while it decides. Ours acts on containers in parallel, so
// one that is slow to stop does not hold up the others. Left out: in-place
// resize, and restarting all containers by an exit rule.
//
// # Reading order
//
// state.go, action.go, decide.go, lifecycle.go, backoff.go; then status.go,
// containerstatus.go, conditions.go.
package podsync

// Package scheduler decides on which node each pod runs.
//
// It takes one pod at a time and asks its plugins about every node, in stages
// whose names are those of the Kubernetes scheduling framework (KEP-624,
// https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/):
//
//	             ┌────────── a cycle: pure, over a snapshot ──────────┐
//	pods ─▶ Queue ─▶ pre-filter ─▶ filter ─▶ score ─▶ choose ─▶ assume ─▶ bind
//	         ▲           │           │                                     │
//	         └───────────┴───────────┴── no node: back-off, an event       │
//	         ▲                           that says why for every node      │
//	         └──── something changed that may help ◀── API server ◀────────┘
//
// [Cycle.Schedule] is a pure function: a pod and a [Snapshot] of the nodes go in,
// a [Decision] comes out that can explain itself. Everything around it keeps the
// snapshot true and does what was decided:
//
//   - [Cache] holds nodes with the pods on them. A pod that was given a node is
//     assumed to be there at once, before the API server says so, or the next
//     cycle would give its place away again.
//   - [Queue] holds the pods that wait, the most important first. A pod for which
//     there was no node waits until something happens that one of the plugins
//     that refused it cares about, and even then not before its back-off, which
//     doubles from one second to ten, is over.
//   - [Scheduler] is the shell: informers on one side, binding on the other.
//     Binding is a request and takes its time, so it goes on beside the next cycle.
//
// A cluster may have many more nodes than need looking at: once enough of them
// could take the pod (all up to a hundred, then a shrinking share), the search
// stops, and the next one starts where it ended.
//
// Real Kubernetes has the same stages, more plugins, and asks them for several
// nodes in parallel.
//
// Reading order: framework.go, schedule.go, snapshot.go, cache.go, queue.go,
// scheduler.go; then package plugins, one small file for each rule.
package scheduler

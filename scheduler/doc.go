// Package scheduler decides on which node each pod runs.
//
// It takes one pod at a time and asks its plugins about every node, in stages
// whose names are those of the Kubernetes scheduling framework (KEP-624,
// https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/):
//
//	             ┌────────── a cycle: pure, over a snapshot ──────────┐
//	pods ─▶ Queue ─▶ pre-filter ─▶ filter ─▶ pre-score ─▶ score ─▶ best ─▶ assume ─▶ pre-bind ─▶ bind
//	         ▲           │           │                                                  │         │
//	         │           └─────┬─────┘ no node                                          └────┬────┘
//	         │            preempt: would it fit if                                           │ failed
//	         │            less important pods left?                                          │
//	         ├─ waits for help ◀─┘   an event says why, for every node                       │
//	         ├─ waits for its back-off ◀─────────────────────────────────────────────────────┘
//	         └──── something changed that may help ◀── API server
//
// [Cycle.Schedule] is a pure function: a pod and a [Snapshot] of the nodes go in,
// a [Decision] comes out that can explain itself. Everything around it keeps the
// snapshot true and does what was decided:
//
//   - [Cache] holds nodes with the pods on them. A pod that was given a node is
//     assumed to be there at once, before the API server says so, or the next
//     cycle would give its place away again. The API server confirms it or the
//     failure of the binding takes it back; there is no third way, so assumptions
//     do not expire.
//   - [Queue] holds the pods that wait, the most important first. A pod for which
//     there was no node waits until something happens that one of the plugins
//     that refused it cares about, and even then not before its back-off, which
//     doubles from one second to ten, is over.
//   - [Nominations] are the pods that others were pushed off for. Until those have
//     ended, the place is kept: in the cycles of others the pod counts as being there.
//   - [Scheduler] is the shell: informers on one side, binding on the other.
//     Binding is a request and takes its time, so it goes on beside the next cycle.
//
// A cluster may have many more nodes than need looking at: once enough of them
// could take the pod (all up to a hundred, then a shrinking share), the search
// stops, and the next one starts where it ended.
//
// # Concurrency
//
// One goroutine runs the cycles, one after the other, so a plugin needs no locks
// (unless it is a [PreBinder]). Cache, Queue and Nominations are safe for concurrent use; what
// a snapshot shows never changes.
//
// # In Kubernetes
//
// The stages, the texts of refusals, weights and formulas of scores, the order of victims
// and the back-off are the same. Real Kubernetes asks plugins for several nodes in
// parallel, has plugins reserve and permit between assuming and binding, asks each plugin
// about the changed object rather than about the kind of change, minds
// PodDisruptionBudgets when it chooses victims, and draws lots among equally
// good nodes where we let the pod's uid decide.
//
// Reading order: framework.go, schedule.go, decision.go, node.go, cache.go,
// queue.go, scheduler.go, preempt.go; then package plugins, one small file for
// each rule. The stories in testdata show what the rules do.
package scheduler

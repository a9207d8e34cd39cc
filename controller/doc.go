// Package controller is the engine that every controller runs on.
//
// A controller makes the world more like what an object says it should be. It is
// written as one function of a key, the [Reconciler]: read what is wanted,
// read what is, take the steps between. It never hears what changed, only that
// something did; so a lost event, a restart or a duplicate does no harm, and the
// same code creates, repairs and cleans up.
//
//	informers ──changes──▶ [Watch]: which keys does that concern?
//	                          │ Enqueue
//	                          ▼
//	   ┌────────────────── queue ◀───────────────┐ again: after RequeueAfter,
//	   │  each key once, never twice at a time   │ or with back-off after an error
//	   ▼                                         │
//	 worker 1 … n ──▶ Reconcile(ctx, key) ───────┘
//	                     │ reads informers' caches
//	                     └ writes through the client
//
// # What a reconciler may rely on
//
//   - It does not run before the caches of its sources hold a complete list.
//   - It does not run twice at the same time for one key.
//   - A change during its run brings the key again afterwards.
//   - A key whose reconciliation fails comes again after 5 ms, 10 ms, … 1000 s, until
//     one succeeds. Other keys do not wait for it.
//   - A panic is an error of that key alone.
//
// What it may not rely on: that caches already show its own last write.
// A write from old knowledge fails with a conflict, is retried, and does no harm;
// a creation under a name made up anew each time would, so names are
// derived, or what is expected is remembered.
//
// # How to write one
//
// Each controller is a small package of one shape: a constructor
//
//	New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller
//
// that says what is watched, a Reconcile that gathers input and carries out, and
// a pure function between the two which decides. The decision is tested as a
// table, the whole in a synctest bubble against an API server in memory. Then one line
// in package manager.
//
// # In Kubernetes
//
// This is client-go's workqueue and informer event handlers with the shape that
// controller-runtime gives them. Kubernetes limits the rate of all retries of a
// controller together, too; here each key waits by itself.
//
// Reading order: controller.go, queue.go, sources.go, metrics.go; then the
// smallest controller, package serviceaccount; then package manager.
package controller

// Package replicaset keeps as many pods as a ReplicaSet says.
//
//	ReplicaSet says 3 ─┐
//	                   ├─▶ plan: create 2   or   delete these 2   or   nothing
//	pods there are: 1 ─┘    (pure)
//
// Too few pods, and some are created from the template: first one, then twice as
// many as worked, so that a template which cannot work costs one failed request
// and not a thousand. Too many, and those go first that are missed least: pods
// without a node, pods that do not run or are not ready, then those on nodes with
// many of the same, those ready for a shorter time, those that restarted most.
//
// The controller's own writes take a moment to come back through the watch; what
// it did is therefore remembered and waited for ([controller.Expectations]).
//
// Kubernetes' controller does the same, and serves ReplicationControllers with
// the same code.
//
// Reading order: plan.go, replicaset.go, status.go.
package replicaset

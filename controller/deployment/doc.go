// Package deployment changes what runs, step by step, without an interruption.
//
// A Deployment owns one ReplicaSet for each version of its pod template that it
// remembers. Rolling out a version is moving replicas from the old sets to the
// new one within two bounds: never more than maxSurge pods above the wanted
// number, never more than maxUnavailable below it.
//
//	           old set   new set        wanted 3, maxSurge 1, maxUnavailable 0
//	start       ●●●
//	            ●●●       ○              one more is allowed
//	            ●●●       ●              it is available now
//	            ●●        ●              so one of the old ones may go
//	            ●●        ●○             ...
//	end                   ●●●
//
// A version that never becomes available stops the rollout where it stands: the
// old pods that still have to serve stay. The old sets stay too, empty, as the
// history that `kubectl rollout undo` goes back to: it writes the old template
// into the Deployment, and this controller finds the set that has it and scales
// that up again.
//
// Which set has a template is found by comparing templates, not by a hash; the
// hash (label pod-template-hash) only makes names unique and keeps the pods of
// two sets apart.
//
// Data flow of one reconciliation:
//
//	Deployment, its ReplicaSets ─▶ Plan (pure) ─▶ create or scale sets, delete old ones
//	                            └▶ StatusOf (pure) ─▶ status, conditions
//
// Kubernetes: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/.
//
// Reading order: rolling.go, plan.go, history.go, status.go, deployment.go.
package deployment

// Package horizontalpodautoscaler gives an application as many pods as its load
// needs.
//
//	metrics.k8s.io ─▶ usage of each pod ─┐
//	                                     ├▶ Propose ─▶ Decide ─▶ scale subresource
//	target: 80 % of what pods request ───┘        (pure)
//
// The rule is one line: wanted = ceil(present × usage / target). What surrounds
// it keeps it calm (KEP-853, and
// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/):
//
//   - Within a tenth of the target nothing happens.
//   - Pods without a figure count as using nothing when that argues for more
//     pods, and as using all they request when it argues for fewer: what is not
//     known never makes a change larger.
//   - Pods that just started count as using nothing when the others argue for
//     more pods: their start says nothing about the load.
//   - Scaling down takes the highest proposal of the last five minutes
//     (stabilizationWindowSeconds), so that a pause in the load is survived.
//     An autoscaler that has only just begun to watch waits as long.
//   - Policies bound how fast it may go, in pods or per cent for each period.
//
// Supported are resource metrics of pods and of one of their containers (cpu and
// memory, as a share of requests or as an average); autoscalers that ask for
// others get the condition ScalingActive=False with a reason, and do nothing.
//
// Reading order: propose.go, decide.go, stabilize.go, autoscaler.go.
package horizontalpodautoscaler

// Package podstate answers the questions that controllers have about pods: is
// it active, ready, available, and since when.
//
// The words are Kubernetes' (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/):
// an active pod has neither ended nor been asked to; a ready one serves; an
// available one has been ready for as long as its owner wants to be sure.
//
// Each owner of pods asks these questions, and all must get the same answers: a
// Deployment that waits for a ReplicaSet's pods to be available counts them as
// that does. A pod that is being deleted is not active, though it may be ready
// until it has ended; readiness comes from the kubelet alone.
//
// All functions are pure. They do not change their arguments, and time is given
// to them.
//
// In Kubernetes this is spread over package podutils and the controllers' own.
package podstate

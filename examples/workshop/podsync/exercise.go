// Package podsync is a workshop exercise: decide what a node does for a pod.
//
// Write the function that a kubelet calls whenever something changed: what the pod
// should be and what the runtime reports go in, the next steps come out. It does
// nothing itself, so it can be tested on a node of paper, which is what the kit has.
//
// In order: prepare the volumes; make a sandbox; start the init containers one after
// the other, each when the one before has succeeded; then the containers. One that
// ends is started again as the restart policy says, with a back-off. A pod that is
// deleted is stopped: its containers, then its sandbox, and Plan.Stopped is set.
package podsync

import "github.com/coracle-k8s/coracle/kubelet/podsync"

// Decide is the decision. Put yours here.
func Decide(s podsync.State) podsync.Plan { return podsync.Decide(s) }

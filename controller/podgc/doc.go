// Package podgc removes pods that nobody else will remove.
//
// A pod is deleted in two steps: somebody asks, and the kubelet of its node, once the
// containers have ended, removes it. Without a kubelet nobody does the second step:
//
//	pods, nodes ──▶ choose   ──▶ why                                 how
//	                              its node does not exist, for 40 s   Failed, then removed
//	                              deleted before it had a node        removed
//	                              deleted, on a node that is not
//	                                ready and tainted out-of-service  Failed, then removed
//	                              ended, and more than 12,500 have    removed, oldest first
//
// The controller sweeps every 20 seconds, since nothing happens when a time has
// passed. That a node does not exist is checked by a live GET before a pod is
// removed for it: the cache of nodes may lag behind that of pods. The out-of-service
// taint is for people to set (KEP-2268): it says that the
// machine is off, so that its volumes can be used elsewhere.
//
// Kubernetes' pod garbage collector does the same.
//
// Reading order: choose.go (pure), podgc.go.
package podgc

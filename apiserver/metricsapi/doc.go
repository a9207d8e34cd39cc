// Package metricsapi serves metrics.k8s.io: how much CPU and memory nodes and pods
// use right now. kubectl top and the autoscaler ask for it.
//
// # Model
//
// Nothing is stored. Each request asks the kubelets it concerns, at the same
// time, and adds up what they say:
//
//	GET .../namespaces/shop/pods?labelSelector=app=web
//	      |
//	      +-- which pods are these, on which nodes?   (stored objects)
//	      +-- GET /stats/summary  -> node-1           (Source)
//	      +-- GET /stats/summary  -> node-2
//	      v
//	PodMetricsList
//
// A [Source] gets the summary of one node; [Kubelets] is the one over a
// [apiserver.NodeTransport]. CPU is in billionths of a core, averaged by the kubelet
// over its last [Window]; memory is the working set in bytes: what cannot be
// reclaimed without pain.
//
// A node that does not answer is left out, as are pods that have not been
// measured since they started: an autoscaler must not take silence for idleness.
//
// # In Kubernetes
//
// metrics-server does this, as an aggregated API server of its own, which scrapes
// the kubelets every 15 seconds and answers from its memory.
//
// # Reading order
//
// summary.go (what kubelets say), metrics.go (what we make of it), group.go (HTTP).
package metricsapi

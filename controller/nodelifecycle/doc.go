// Package nodelifecycle notices that a node has died and gets its pods away.
//
// A kubelet renews its Lease in kube-node-lease every ten seconds. Two
// controllers turn the silence of one into pods elsewhere, and they talk
// through the API like everybody else: the first writes taints, the second reads them.
//
//		Lease, Node ──▶ [New] node-lifecycle                [NewTaintEviction] taint-eviction
//		                 │ silent for 40 s:                    │ pods on a node with a NoExecute taint:
//		                 │  conditions Ready… = Unknown        │  no toleration: delete now
//		                 │  its pods' Ready = False            │  toleration with seconds: delete then
//		                 │  taints unreachable:NoSchedule      │  toleration without: stays
//		                 └─ taints unreachable:NoExecute ────▶ │  taint or pod changed: decide anew
//
//	  - Ready False gives the taints node.kubernetes.io/not-ready, Ready Unknown
//	    node.kubernetes.io/unreachable, each NoSchedule and NoExecute. Pressure, a
//	    missing network and spec.unschedulable give NoSchedule taints. Other taints are left alone.
//	  - Pods tolerate the two NoExecute taints for 300 s unless they say
//	    otherwise: the API server adds that on creation. So a dead node's pods are
//	    replaced 40 s + 300 s after its last sign of life.
//	  - Services drop the pods of a silent node after 40 s already, since these are marked not ready.
//
// # Time
//
// Clocks of different machines are never compared: what counts is when
// this process last saw the Lease change. After a restart every node has 40 s to
// show itself. The end of a toleration counts from the taint's timeAdded, or from when the taint was
// first seen where nobody set that, so that a restart does not grant it anew.
//
// # Caution
//
// If this process is cut off from the nodes, all of them look dead. So the NoExecute taint
// is put on one node in ten seconds at most, and on none while
// no node at all is ready. Kubernetes does the same for each zone, with slower rates for
// half-dead zones; we have one zone.
//
// Reading order: health.go, taints.go, eviction.go (pure), node.go, pods.go (the reconcilers).
package nodelifecycle

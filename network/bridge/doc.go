// Package bridge connects the pods of one node to a bridge and gives each an
// address: the simplest pod network there is, and the one to read first.
//
//	node's network namespace                      pod's network namespace
//	┌───────────────────────────────────────┐     ┌──────────────────────┐
//	│ eth0 ── routing ── bridge 10.244.1.1  │     │                      │
//	│                      ├── vethab12… ━━━╋━━━━━╋━ eth0 10.244.1.2/32  │
//	│                      └── veth34cd… ━━━╋━▶   │  default via .1      │
//	└───────────────────────────────────────┘     └──────────────────────┘
//
// A veth pair is a cable with two ends; one end becomes the pod's eth0, the
// other a port of the bridge. Pods on the node reach each other over the bridge,
// pods elsewhere through the node's routes: who makes those routes (package
// fabric on one machine, a router among several) is not this package's business.
//
// Setup and Teardown are idempotent, as a kubelet that was restarted in the
// middle of either needs. The port's name is derived from the sandbox's id, the
// address is looked up by it (package ipam), so there is no state to lose.
//
// In Kubernetes this is a CNI plugin named bridge, run as a program by the
// container runtime. The rules that the network must keep are the same: every
// pod reaches every other pod at its own address, without translation
// (https://kubernetes.io/docs/concepts/services-networking/).
//
// Reading order: bridge_linux.go.
package bridge

// Package hostport leads ports of a node to ports of its pods.
//
// A container may ask for a port of the node's own address (hostPort). The port
// then belongs to one pod, and whoever connects to it, from outside or on the
// node, reaches that pod. The rules are two verdict-free maps of an nftables
// table of their own:
//
//	ports      tcp . 8080             : 10.244.1.7 . 80    any address of the node
//	addresses  10.0.0.5 . tcp . 8080  : 10.244.1.7 . 80    one address
//
// Each element carries the sandbox' id as its comment, so that removing a
// sandbox needs no other memory, also after a restart.
//
// In Kubernetes this is the CNI plugin named portmap.
package hostport

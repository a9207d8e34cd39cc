// Package cluster puts the parts together: a control plane and nodes, in one
// process or in several.
//
//	             ┌─────────────── one process ───────────────────────────────┐
//	kubectl ─TLS─▶ apiserver ─▶ store                                         │
//	             │  ▲  ▲  ▲  ▲                                                │
//	             │  │  │  │  └ proxies, DNS     (in memory: the same requests │
//	             │  │  │  └ kubelet of node 1…   and answers, no sockets)     │
//	             │  │  └ scheduler                                            │
//	             │  └ controllers                                             │
//	             └───────────────────────────────────────────────────────────┘
//
// It is plain wiring that one can step through. The parts know nothing of each
// other; each gets a client with an identity of its own, and what that identity
// may do is decided by the same rules as over a network. So any part can be left
// out here and run elsewhere: see [Config.Without] and the functions of
// components.go, which the commands of cmd/coracle call.
//
// There are two kinds of nodes:
//
//   - [Memory]: containers are Go functions, addresses are of an in-memory
//     network. No root, no sockets, any system, and the whole cluster can live in a
//     testing/synctest bubble, where a week passes in milliseconds. Package
//     clustertest makes one for a test in one line.
//   - [Machine]: runc containers, each node a network namespace with a bridge of
//     its own, Services in nftables. Linux and root.
//
// A [Cluster] is started by Run, which returns when its context ends and all that
// it started has ended.
//
// Reading order: cluster.go, api.go, components.go, memory.go, machine_linux.go.
package cluster

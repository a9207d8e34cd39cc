// Package nftables makes the kernel spread Service connections: a backend of
// package proxy for Linux.
//
// All rules are in one table of the node's network namespace. Looking up a
// Service is one lookup in a verdict map, however many Services there are:
//
//	prerouting, output ─▶ services ─▶ map service-ips    10.96.0.10 . udp . 53 : goto svc-…
//	                              └─▶ map service-nodes  tcp . 30080 : goto ext-…
//	svc-…   numgen random mod 3 vmap { 0 : goto ep-…, 1 : goto ep-…, 2 : goto ep-… }
//	ep-…    dnat to 10.244.1.7:8080
//	forward, output ─▶ map refused   10.96.0.99 . tcp . 80 : goto reject
//	postrouting     ─▶ masquerade what carries the mark
//
// The kernel remembers each connection, so only its first packet takes this
// path, and answers are translated back by themselves.
//
// Two kinds of connection must seem to come from the node, or their answers
// would take another way and never be translated: those from outside the pods'
// network that do not keep their source, and a pod's to itself. They get a mark,
// and the last chain masquerades what is marked.
//
// Sync renders the rules as a value, compares it with the one it wrote last, and
// writes the differences in one nft transaction: the kernel switches from the
// old rules to the new at once, so that no connection meets half of each, and
// what did not change, such as which client sticks to which pod, stays.
//
// kube-proxy's nftables mode works alike (KEP-3866).
//
// Reading order: nftables.go, render.go, diff.go.
package nftables

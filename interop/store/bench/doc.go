// Command bench compares our store with etcd, side by side and in one run, and
// prints a table in Markdown. Run it with `make bench-store`.
//
// Both are servers of their own process on loopback, with their data on the same
// disk, and each acknowledges a write after fsync. The same client (etcd's
// clientv3) does the same to both. They take turns: a round of one, a round of the
// other, several times, and the table shows the median round, so that a disk or a
// machine that is busy for a moment is busy for both.
//
// Client and server share the processors, and the client has a large half: a get
// costs etcd's client more than it costs our server. So the table says how much
// processor time each took for one operation, and how many times as fast as etcd a
// server could be "at most", that took no time at all. And the lines with lean clients
// show the servers nearly alone: those clients write requests that were made before
// and only count what comes back (lean.go).
//
// # Reading order
//
// main.go, work.go (what is measured), leanwork.go, lean.go, inprocess.go, table.go.
package main

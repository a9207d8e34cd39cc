// Command bench compares our store with etcd, side by side and in one run, and
// prints a table in Markdown. Run it with `make bench-store`.
//
// Both are servers of their own process on loopback, with their data on the same
// disk, and each acknowledges a write after fsync. The same client (etcd's
// clientv3) does the same to both. They take turns: a round of one, a round of the
// other, several times, and the table shows the median round, so that a disk or a
// machine that is busy for a moment is busy for both.
//
// Client and server share the processors. The client's part is the same for both,
// and so what is shown is less than the difference between the servers; the last
// columns say how much processor time each server took.
//
// # Reading order
//
// main.go, work.go (what is measured), inprocess.go, table.go.
package main

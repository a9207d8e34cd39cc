// Command bench compares our API server with kube-apiserver over etcd, side by
// side and in one run, and prints a table in Markdown. Run it with `make
// bench-api`.
//
//	                        ┌─ kube-apiserver ── etcd
//	32 clients of client-go ┤
//	                        └─ coracle apiserver (boltstore in the same process)
//
// Each runs as it is, as a process of its own, on loopback over TLS, with RBAC and
// Node authorization, the same kind of client certificate, and its data on the
// same disk; each acknowledges a write after fsync. The same code does the same to
// both. They take turns: a round of one, while the other is paused, a round of the other,
// several times for each line, so that a machine that is busy for a moment is busy for both. A rate
// is what all rounds of a line have done, by the time they took; the 99th
// percentile is of all requests of all rounds.
//
// A client is one of 32 with a connection of its own, as if each were a program,
// and sends one request after the other. Objects go in protobuf. Lists and watches
// are read by client-go's transport but not decoded, since decoding five thousand
// pods takes a client longer than the server needs to send them; with -decode they
// are, and the client then has most of the processors.
//
// Client and server share the processors. The client's part is the same for both,
// so what is shown is less than the difference between the servers: two columns
// say how much processor time each took, kube-apiserver's with etcd's.
//
// # Reading order
//
// main.go, side.go (a server and its clients), pods.go (what is written), line.go
// and lines.go (what is measured), watch.go, table.go, profile.go.
package main

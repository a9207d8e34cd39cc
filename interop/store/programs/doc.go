// Package programs runs servers of etcd's API as processes of their own: the real
// etcd, a cluster of three of them, and ours. Tests and benchmarks talk to either
// in the same way, and can stop it, kill it and start it again on the same data.
//
//	etcd     bin/etcd, built by `make etcd` from tools/etcd
//	coracle  this very program, started a second time: see [Main]
//
// So do the API servers that benchmarks compare, the real one over the real etcd
// and bin/coracle over its own store, and the real components of a cluster, which work
// through either.
//
// All of them listen on loopback, and write to disk with the durability they have
// by default: a write is acknowledged after fsync.
//
// # Reading order
//
// program.go, etcd.go, coracle.go, kube.go, api.go, components.go, proc.go,
// profile.go, find.go.
package programs

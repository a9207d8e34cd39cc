// Package etcdserver serves any store to the clients of etcd: kube-apiserver,
// etcdctl, anything that speaks the etcd v3 gRPC API.
//
//	kube-apiserver --\                                      +-- memstore
//	etcdctl ----------> etcd v3 gRPC --> Server --> store.Store -- boltstore
//	etcdstore -------/                                      +-- your own
//
// # What is served
//
//	KV           Range, Put, DeleteRange, Txn, Compact
//	Watch        with previous values, progress, fragments
//	Lease        grant, revoke, keep alive, time to live, list
//	Maintenance  Status, Snapshot, Hash, HashKV
//	Cluster      MemberList, of one member
//
// Everything else (users, alarms, members that come and go, RangeStream)
// is answered with gRPC's Unimplemented, and a request that means more than we do
// with InvalidArgument or Unimplemented and a sentence. Nothing is accepted and
// then ignored.
//
// # Transactions
//
// A store writes one key at a time, on a condition on that key. So that is what a
// transaction may be: comparisons of one key, and in each branch at most one write,
// of that key, and any number of reads. The five shapes that Kubernetes uses are of
// that kind. See txn.go for how the condition is kept though the store knows only
// one of etcd's comparisons.
//
// DeleteRange of many keys deletes them one by one, each with a revision of its own.
//
// # Watching
//
// One gRPC stream carries many watches, each of which is a goroutine that reads
// from a watcher of the store. One goroutine owns the stream and sends; see
// stream.go. The hard part is progress: "you have seen all up to revision 7" is said
// to all watches of the stream at once, so it may be said only when all have been
// sent theirs and none has been sent later ones.
//
// An event becomes bytes once, however many watches it goes to; see events.go. And a
// slow client gets fewer and larger responses: while one is on its way the store's
// watcher waits, and then brings all that came meanwhile.
//
// # Leases
//
// A lease is an object of this server, in its memory; the time to live of its keys
// is in the store. While nobody keeps the lease alive the store lets the keys expire
// by itself, and a restart of the server changes nothing for them. A keep-alive has to
// write a lease's keys again, with more time, which watchers see as an update to the
// same value; it writes for ten times as long as the lease asks for, so that it happens
// seldom. (kube-apiserver grants leases and never keeps one alive.)
//
// With [Options.LeaseFile] a restart does not forget that a lease exists and what its
// keys are; each has its full time again, as in etcd. Without it the keys still
// expire, but cannot be kept alive.
//
// # In etcd
//
// Requests are proposed to Raft and applied by every member in the same order; a
// serializable read may be answered by a member that is behind. Here there is one
// member, and every read is linearizable because the store's are.
//
// The facts about what kube-apiserver asks for are from its storage package,
// k8s.io/apiserver/pkg/storage/etcd3. The API: https://etcd.io/docs/v3.6/learning/api/.
//
// # Reading order
//
// server.go, read.go, rangestream.go, write.go, txn.go, watch.go, stream.go,
// events.go, lease.go, leases.go, leaselog.go, recall.go,
// maintenance.go; then how replies become bytes: encode.go,
// codec.go.
package etcdserver

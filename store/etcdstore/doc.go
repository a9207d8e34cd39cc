// Package etcdstore keeps a store in an etcd cluster: on several machines, of
// which a minority may fail without anything being lost.
//
//	API server 1 --\
//	API server 2 ----> etcdstore --> etcd v3 gRPC --> etcd 1, etcd 2, etcd 3
//	API server 3 --/
//
// Any number of processes may have the same cluster open; they see each other's
// writes in one order, that of etcd's revisions, which are the store's revisions.
//
// # How the contract maps
//
//	Create   txn: if mod revision = 0 then put, else get
//	Update   txn: if mod revision = R (or version > 0) then put, else get
//	Delete   txn: the same with delete
//	Get      range of one key, linearizable
//	List     range, with etcd's own count
//	Watch    watch with previous values
//	Progress progress request, repeated until it is answered
//	a TTL    a lease for each such write
//
// The else branch is what makes a conflict return the key that was found, without
// another request.
//
// # Leases
//
// etcd keeps a time to live in a lease beside the key, so a reader would have to ask
// again to know when the key expires. The client may choose a lease's ID, though; so
// the ID carries the time, see lease.go. Keys with leases of other clients show no
// time. etcd rounds a time to live up to about two seconds.
//
// # What differs
//
// A watcher that is behind holds its events in the client's memory, without bound,
// since that is how etcd's client works; a compaction reaches it only when the
// connection breaks. Read from watches in time.
//
// # In Kubernetes
//
// k8s.io/apiserver/pkg/storage/etcd3 does the same for kube-apiserver, with the same
// transactions. It puts up to a thousand objects on one lease to spare etcd's memory.
//
// # Reading order
//
// etcdstore.go, write.go, lease.go, watch.go.
package etcdstore

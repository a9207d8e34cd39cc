// Package store is the memory of a cluster: bytes under keys, with a history.
//
// It is a contract, [Store], with several homes. Everything above it, the API
// server first, knows the contract only.
//
//	memstore    in memory: the one to read first, and the one for tests
//	boltstore   in one file on one machine, on disk before it is acknowledged
//	etcdstore   in an etcd cluster, on several machines
//	etcdserver  serves any Store to the clients of etcd, kube-apiserver included
//	storetest   the kit that grades all of them, and yours
//
// # One counter
//
// Every write gets the next number of one counter, its revision. That number is
// all of the time there is:
//
//	revision   1     2          3          4          5
//	           .   a = 1      b = 1      a = 2     delete b
//
//	Get("a", 3)  -> 1            what a was at revision 3
//	List(2)      -> a=1          what there was at revision 2
//	Watch(3)     -> a=2 at 4, b deleted at 5, and then whatever comes
//
// Three things follow, and a control plane is built of them:
//
//   - Compare and swap. Who read a key at revision 2 writes it back on the
//     condition that it is still the one of revision 2. If somebody was faster,
//     the write fails, and nobody's change is lost. (Kubernetes calls the number
//     resourceVersion and this optimistic concurrency.)
//   - List, then watch. Who lists at revision 5 and watches after 5 knows all that
//     is and all that will be: nothing is missed and nothing comes twice,
//     whatever happened in between. Every controller is that loop.
//   - Pages. A long list is read in parts, all at the revision of the first.
//
// History grows, so it is cut: [Store.Compact] forgets what was before a
// revision, and a watch that would need it fails with [ErrCompacted]. There is
// only one thing to do then: list again. [AutoCompact] cuts as time goes by.
//
// # Keys
//
// Keys are bytes in byte order, and have no structure but the one that their
// users see in them. The API server writes /registry/pods/NAMESPACE/NAME, and the
// pods of a namespace are then a [Prefix].
//
// # In Kubernetes
//
// The store is etcd, spoken to by the package
// k8s.io/apiserver/pkg/storage/etcd3, which uses very little of it: a range read,
// five shapes of transaction on one key, watch, compact and lease. This contract is
// that little. What etcd has beyond it (transactions over several keys, locks,
// users and roles) is left out since no control plane needs it; leases are reduced
// to a time to live for each key. See https://etcd.io/docs/v3.6/learning/api/.
//
// # Reading order
//
// store.go, errors.go, range.go; then memstore, and storetest for the rules in
// words; then boltstore.
package store

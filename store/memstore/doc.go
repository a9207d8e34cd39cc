// Package memstore keeps a store in memory. It is the one to read first, and
// the one to use in tests and in clusters that need not survive their process.
//
// What a store is, is said in package store. How this one does it:
//
//	Create, Update, Delete          Get, List             Watch
//	        | one at a time            | no lock            | a cursor
//	        v                          v                    v
//	  +----------+   publish   +------------------+   read the log
//	  |  decide  | ----------> |   history.Feed   | ----------------> events
//	  +----------+             |  (current state) |
//	        ^                  +------------------+
//	        |  delete
//	  +----------+
//	  |  expiry  |  a goroutine that sleeps until a key runs out of time
//	  +----------+
//
// The state is an immutable value (store/internal/history): a tree of the keys,
// and the log of the changes since the last compaction. A writer makes the next
// state from the current one and publishes it with one atomic store. A reader
// loads the pointer and has all the time in the world, since nothing changes
// under it; it never waits for a writer, nor a writer for it.
//
// Nothing is forgotten unless [Store.Compact] says so, so a program that runs
// for long calls it now and then; see store.AutoCompact.
//
// Time comes from package time only, so a store made inside a testing/synctest
// bubble lives by the bubble's clock: a key with an hour to live is gone as soon
// as everybody waits. Close the store before the bubble ends.
//
// # In Kubernetes
//
// There is no such thing: its API server always needs an etcd, and its tests
// start one. That is the reason they take seconds.
//
// # Reading order
//
// memstore.go, then store/internal/history and store/internal/keytree.
package memstore

// Package history is the memory that memstore and boltstore share: what every
// key was at every kept revision, who watches, and what runs out of time.
//
// # State
//
// A [State] is everything a store knows at one revision. It is a value that
// never changes. A write does not modify it but makes the next one:
//
//	state.Decide(write)  ->  Change, or why not     a pure function
//	state.With(change)   ->  the next State         shares nearly everything
//	feed.Publish(next)   ->  now readers see it     one atomic store
//
// [Store] has what then is the same for both, all but this:
//
// memstore runs these three lines under a lock. boltstore runs the first two
// for a whole batch of writes, puts the changes on disk, and only then the
// third: nobody can see what might still be lost. All else is the same for both:
// [Store].
//
// # Inside a State
//
//	revision   base        64        128       now
//	log         [ ...changes, one for each revision... ]
//	marks       tree       tree      tree
//	keys                                       tree
//
// The log has one [Change] for each revision after base. The trees are
// immutable (package keytree). To read at revision 100, take the tree marked at
// 64 and apply the 36 changes that follow: at most markEvery-1 small steps, a
// tenth of a millisecond, instead of a tree kept for each revision. To compact
// is to cut the log and the marks from the left.
//
// # Watching
//
// A [Feed] publishes states and wakes watchers. A [Watcher] has no buffer: it
// is a revision, up to which it has delivered, and reads what comes next from
// the log. Publishing a change costs each watcher whose range it is in one
// wake-up, and the others two string comparisons. A watcher that never reads
// costs nothing but its own few words of memory.
//
// # Expiry
//
// An [Expiry] sleeps until the next key runs out of time and deletes it through
// the store's ordinary write path, on the condition that it was not written
// since.
//
// # In etcd
//
// etcd's mvcc package keeps an index of revisions in memory and the values in
// bbolt; a watcher that falls behind becomes "unsynced" and a loop reads its
// events from disk again every 100 ms. Here values are in memory too, which a
// control plane can afford (etcd's own limit is 8 GB) and which makes reads of
// any revision, replay, and slow watchers the same simple thing.
//
// # Reading order
//
// state.go, write.go, read.go, feed.go, watch.go, store.go, expiry.go.
package history

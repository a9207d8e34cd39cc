// Package keytree is an ordered map from keys to key-values that never changes:
// adding or removing a key gives a new tree and leaves the old one as it was.
//
// That is what a store with revisions needs. The keys at revision 7 and the
// keys at revision 8 differ in one key, so the two trees share all nodes but
// those on the path from the root to that key:
//
//	revision 7        revision 8
//	   root              root'
//	  /  |  \           /  |  \
//	 A   B   C         A   B'  C       A and C are the same nodes in both
//
// A reader takes the root it wants and walks it without a lock, for as long as
// it likes, while writers go on. To forget a revision is to drop its root; the
// garbage collector finds the nodes that nobody else shares.
//
// # Shape
//
// It is a B+ tree: key-values sit in the leaves, inner nodes hold the keys that
// separate their children. Every node knows how many keys are below it, so the
// size of a range is found by two walks from the root to a leaf, however many
// keys are in between. That is how a page of a list knows how much is left.
//
// A node that outgrows its limit splits in two; a node that shrinks joins its
// neighbour when the two together would be half full at most. All leaves are at
// the same depth, about log16 of the number of keys: 100,000 keys are five deep.
//
// # In etcd
//
// etcd keeps one mutable B-tree (google/btree) from each key to the list of its
// revisions, under a lock, and the values in bbolt. It counts a range by walking
// it. See https://etcd.io/docs/v3.6/learning/data_model/.
//
// # Reading order
//
// tree.go (the shape, lookup), change.go (with and without a key), walk.go.
package keytree

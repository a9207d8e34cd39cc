package keytree

import (
	"bytes"

	"github.com/coracle-k8s/coracle/store"
)

// maxWidth is the most key-values in a leaf and the most children of an inner
// node. Wide nodes make a flat tree, narrow ones are cheap to copy.
const maxWidth = 32

// A Tree is an ordered set of key-values. It is immutable, as are the
// key-values in it, so it may be read by any number of goroutines. The zero
// Tree is empty.
type Tree struct {
	root *node // nil when the tree is empty
}

// A node is a leaf, with items, or an inner node, with kids.
type node struct {
	size int // the number of key-values here and below

	items []*store.KeyValue // of a leaf, in key order
	tags  []byte            // tags[i] is tagOf(items[i].Key)

	// kids of an inner node, in key order. All keys below kids[i] are at or
	// after bounds[i] and before bounds[i+1]. bounds[0] is not looked at: what
	// comes before bounds[1] belongs to the first child.
	kids   []*node
	bounds []string
}

// Len returns the number of keys.
func (t Tree) Len() int {
	if t.root == nil {
		return 0
	}
	return t.root.size
}

// Get returns the key-value of key, nil if there is none.
func (t Tree) Get(key string) *store.KeyValue {
	n := t.root
	if n == nil {
		return nil
	}
	for !n.isLeaf() {
		n = n.kids[n.child(key)]
	}
	return n.lookup(key)
}

// lookup returns the item of a leaf that has that key, nil if there is none. A
// binary search would fetch five keys from all over the memory; comparing tags
// first fetches little more than the key itself.
func (n *node) lookup(key string) *store.KeyValue {
	tag := tagOf(key)
	for i := 0; i < len(n.tags); i++ {
		next := bytes.IndexByte(n.tags[i:], tag)
		if next < 0 {
			return nil
		}
		i += next
		if n.items[i].Key == key {
			return n.items[i]
		}
	}
	return nil
}

// tagOf returns one byte that is likely to differ between neighbours, whose
// keys mostly differ at the end.
func tagOf(key string) byte {
	var tag uint32
	for i := max(0, len(key)-8); i < len(key); i++ {
		tag = tag*31 + uint32(key[i])
	}
	return byte(tag ^ tag>>8)
}

func (n *node) isLeaf() bool { return n.kids == nil }

// width is the number of slots in use.
func (n *node) width() int { return len(n.items) + len(n.kids) }

// child returns the index of the child whose range contains key: the last one
// whose bound is not after it. It runs on every lookup, so it searches by hand.
func (n *node) child(key string) int {
	low, high := 1, len(n.bounds)
	for low < high {
		middle := int(uint(low+high) / 2)
		if n.bounds[middle] <= key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low - 1
}

// find returns the index of the first item of a leaf that is not before key,
// and whether it is the key itself.
func (n *node) find(key string) (int, bool) {
	low, high := 0, len(n.items)
	for low < high {
		middle := int(uint(low+high) / 2)
		if n.items[middle].Key < key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(n.items) && n.items[low].Key == key
}

// newLeaf returns a leaf that owns items and tags.
func newLeaf(items []*store.KeyValue, tags []byte) *node {
	return &node{size: len(items), items: items, tags: tags}
}

// newInner returns an inner node that owns kids and bounds.
func newInner(kids []*node, bounds []string) *node {
	n := &node{kids: kids, bounds: bounds}
	for _, kid := range kids {
		n.size += kid.size
	}
	return n
}

package keytree

import (
	"slices"

	"github.com/coracle-k8s/coracle/store"
)

// With returns the tree with kv in it, in place of an earlier kv of that key.
func (t Tree) With(kv *store.KeyValue) Tree {
	if t.root == nil {
		return Tree{newLeaf([]*store.KeyValue{kv}, []byte{tagOf(kv.Key)})}
	}
	left, bound, right := t.root.with(kv)
	if right == nil {
		return Tree{left}
	}
	return Tree{newInner([]*node{left, right}, []string{"", bound})}
}

// Without returns the tree without key. A key that is not there changes nothing.
func (t Tree) Without(key string) Tree {
	if t.Get(key) == nil {
		return t
	}
	root := t.root.without(key)
	for root != nil && len(root.kids) == 1 {
		root = root.kids[0] // one level less
	}
	return Tree{root}
}

// with returns a copy of n with kv in it. If that is too wide it comes in two
// halves, and bound is what separates them.
func (n *node) with(kv *store.KeyValue) (left *node, bound string, right *node) {
	if n.isLeaf() {
		i, found := n.find(kv.Key)
		if found {
			return newLeaf(replaced(n.items, i, kv), n.tags), "", nil
		}
		return splitLeaf(inserted(n.items, i, kv), inserted(n.tags, i, tagOf(kv.Key)), i)
	}
	i := n.child(kv.Key)
	kid, bound, sibling := n.kids[i].with(kv)
	kids := replaced(n.kids, i, kid)
	if sibling == nil {
		return &node{size: n.size + kid.size - n.kids[i].size, kids: kids, bounds: n.bounds}, "", nil
	}
	return splitInner(inserted(kids, i+1, sibling), inserted(n.bounds, i+1, bound), i+1)
}

// splitLeaf makes one leaf of items, or two if they are too many. The last
// change was at index i.
func splitLeaf(items []*store.KeyValue, tags []byte, i int) (left *node, bound string, right *node) {
	if len(items) <= maxWidth {
		return newLeaf(items, tags), "", nil
	}
	at := splitPoint(len(items), i)
	return newLeaf(items[:at:at], tags[:at:at]), items[at].Key, newLeaf(items[at:], tags[at:])
}

// splitInner is splitLeaf for inner nodes.
func splitInner(kids []*node, bounds []string, i int) (left *node, bound string, right *node) {
	if len(kids) <= maxWidth {
		return newInner(kids, bounds), "", nil
	}
	at := splitPoint(len(kids), i)
	return newInner(kids[:at:at], bounds[:at:at]), bounds[at], newInner(kids[at:], bounds[at:])
}

// splitPoint returns where to cut a node of that width: in the middle, unless
// it grew at its end. Keys that arrive in order then leave full nodes behind.
func splitPoint(width, grewAt int) int {
	if grewAt == width-1 {
		return width - 1
	}
	return width / 2
}

// without returns a copy of n without key, which is there; nil if that leaves
// nothing.
func (n *node) without(key string) *node {
	if n.size == 1 {
		return nil
	}
	if n.isLeaf() {
		i, _ := n.find(key)
		return newLeaf(removed(n.items, i), removed(n.tags, i))
	}
	i := n.child(key)
	kid := n.kids[i].without(key)
	if kid == nil {
		return newInner(removed(n.kids, i), removed(n.bounds, i))
	}
	kids := replaced(n.kids, i, kid)
	if i > 0 && fit(kids[i-1], kid) {
		i--
	}
	if i+1 < len(kids) && fit(kids[i], kids[i+1]) {
		kids[i] = joined(kids[i], n.bounds[i+1], kids[i+1])
		return newInner(removed(kids, i+1), removed(n.bounds, i+1))
	}
	return newInner(kids, n.bounds)
}

// fit reports whether two neighbours should become one. Half of the limit, not
// all of it, so that the next insert does not split them again.
func fit(left, right *node) bool { return left.width()+right.width() <= maxWidth/2 }

// joined returns two neighbours, separated by bound, as one node.
func joined(left *node, bound string, right *node) *node {
	if left.isLeaf() {
		return newLeaf(slices.Concat(left.items, right.items), slices.Concat(left.tags, right.tags))
	}
	kids := slices.Concat(left.kids, right.kids)
	bounds := slices.Concat(left.bounds, right.bounds)
	bounds[len(left.kids)] = bound
	return newInner(kids, bounds)
}

// replaced, inserted and removed return a changed copy of s.

func replaced[E any](s []E, i int, e E) []E {
	out := make([]E, len(s))
	copy(out, s)
	out[i] = e
	return out
}

func inserted[E any](s []E, i int, e E) []E {
	out := make([]E, len(s)+1)
	copy(out, s[:i])
	out[i] = e
	copy(out[i+1:], s[i:])
	return out
}

func removed[E any](s []E, i int) []E {
	out := make([]E, len(s)-1)
	copy(out, s[:i])
	copy(out[i:], s[i+1:])
	return out
}

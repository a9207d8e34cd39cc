package keytree

import (
	"iter"

	"github.com/coracle-k8s/coracle/store"
)

// In returns the key-values of r in key order.
func (t Tree) In(r store.Range) iter.Seq[*store.KeyValue] {
	return func(yield func(*store.KeyValue) bool) {
		if t.root != nil {
			t.root.walk(r, yield)
		}
	}
}

// walk yields the key-values of r below n until yield says no or the range has
// ended, and reports whether to go on.
func (n *node) walk(r store.Range, yield func(*store.KeyValue) bool) bool {
	if !n.isLeaf() {
		for _, kid := range n.kids[n.child(r.Start):] {
			if !kid.walk(r, yield) {
				return false
			}
		}
		return true
	}
	first, _ := n.find(r.Start)
	for _, kv := range n.items[first:] {
		if r.End != "" && kv.Key >= r.End || !yield(kv) {
			return false
		}
	}
	return true
}

// Count returns the number of keys in r, without visiting them.
func (t Tree) Count(r store.Range) int {
	end := t.Len()
	if r.End != "" {
		end = t.before(r.End)
	}
	return max(0, end-t.before(r.Start))
}

// before returns the number of keys before key.
func (t Tree) before(key string) int {
	n, count := t.root, 0
	if n == nil {
		return 0
	}
	for !n.isLeaf() {
		i := n.child(key)
		for _, kid := range n.kids[:i] {
			count += kid.size
		}
		n = n.kids[i]
	}
	i, _ := n.find(key)
	return count + i
}

// Package store is a workshop exercise: write the memory of a cluster.
//
// Implement store.Store of package github.com/coracle-k8s/coracle/store, in memory. A
// map, a counter, a list of all changes and a mutex go a long way. Begin with Create,
// Get and List; the kit's other cases fail until you come to them. Watch is the
// interesting part: a watcher must be able to start in the past, and one that
// does not read must not hold up a writer.
package store

import (
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// New returns an empty store. Put yours here.
func New() store.Store { return memstore.New() }

package apiserver

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"weak"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// An entry is one object of a collection. It is never changed: a write puts
// another in its place. So whoever holds one may read it without a lock.
type entry struct {
	key      string // below the collection's prefix: namespace/name or name
	revision int64
	err      error             // why there is no object: its value cannot be decoded
	labels   map[string]string // of the object
	node     string            // its field spec.nodeName
	encoding encoding
	forms    forms

	// An object with a Go type takes several times the memory of its stored form,
	// which is what most clients are sent; and a hundred thousand pointers keep
	// the garbage collector busy. So such an object is decoded when somebody looks
	// at it, and forgotten when the collector comes by: young knows it until then,
	// and from has the collection to which it belongs. All others are kept.
	kept  api.Object
	from  *collection
	mu    sync.Mutex // guards young
	young weak.Pointer[decoded]
}

type decoded struct{ api.Object }

// newEntry returns the entry of an object, which it keeps.
func newEntry(r *api.Resource, key string, revision int64, obj api.Object) *entry {
	return &entry{key: key, revision: revision, labels: obj.GetLabels(), node: nodeNameOf(r, obj), kept: obj}
}

// entry makes the entry of a stored value.
func (c *cache) entry(ctx context.Context, col *collection, kv store.KeyValue) *entry {
	key := kv.Key[len(col.prefix):]
	obj, err := c.decode(ctx, col.resource, kv)
	if err != nil {
		c.log.Error("an object in the store cannot be read", "key", kv.Key, "err", err)
		return &entry{key: key, revision: kv.ModRevision, err: err}
	}
	e := newEntry(col.resource, key, kv.ModRevision, obj)
	e.encoding.stored = kv.Value
	if col.forgets {
		e.from, e.kept = col, nil
		e.young = weak.Make(&decoded{obj})
	}
	return e
}

// empty says that there is no object, or none that can be read.
func (e *entry) empty() bool { return e == nil || e.err != nil }

// name is the object's.
func (e *entry) name() string { return e.key[strings.LastIndexByte(e.key, '/')+1:] }

// object returns the object of an entry that is not empty. It is shared and must
// not be changed.
func (e *entry) object() api.Object {
	if e.kept != nil {
		return e.kept
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if known := e.young.Value(); known != nil {
		return known.Object
	}
	kv := store.KeyValue{Key: e.from.prefix + e.key, Value: e.encoding.stored, ModRevision: e.revision}
	obj, err := e.from.decode(context.Background(), e.from.resource, kv)
	if err != nil { // it has been decoded before, by the same rules
		panic(fmt.Sprintf("an object that could be read no longer can: %v", err))
	}
	e.young = weak.Make(&decoded{obj})
	return obj
}

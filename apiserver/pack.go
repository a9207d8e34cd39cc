package apiserver

import (
	"compress/flate"
	"hash/maphash"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/coracle-k8s/coracle/api"
)

const (
	// packLength is about how many entries a pack has, and maxPack how many at most.
	packLength, maxPack = 64, 256
	// maxPacked is about how many bytes of packs a kind keeps. When it has more, all are
	// made anew.
	maxPacked = 32 << 20
)

// A pack is some entries that follow each other in a list, compressed. Most of a
// list is the same from one time to the next, so its packs are kept, and only
// those are made anew in which an object has changed.
//
// Where a pack begins depends on the keys alone, so that a new object moves no
// boundaries but those of its own pack.
type pack struct {
	mu        sync.Mutex // guards the fields below; held while the pack is made
	revisions []int64    // of its entries
	deflated  deflated
}

// packs are those of a kind, in all its versions.
type packs struct {
	zips *sync.Pool // of *flate.Writer
	seed maphash.Seed

	mu    sync.Mutex // guards byKey
	byKey map[packKey]*pack
	size  atomic.Int64 // about how many bytes are in byKey
}

// A packKey is the resource as which a pack is sent, the list that it is part of, as
// its selectors are written, and the key of its first entry.
type packKey struct {
	as      *api.Resource
	of, key string
}

// at returns the pack that begins with a key.
func (ps *packs) at(key packKey) *pack {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.byKey[key]
	if p == nil {
		if ps.byKey == nil || ps.size.Load() > maxPacked {
			ps.byKey = map[packKey]*pack{}
			ps.size.Store(0)
		}
		p = &pack{}
		ps.byKey[key] = p
	}
	return p
}

// list returns a list of a resource as parts of a gzip stream, or false if an entry is no message.
func (ps *packs) list(r *api.Resource, of string, entries []*entry, storage *Storage) ([]deflated, bool) {
	var parts []deflated
	for len(entries) > 0 {
		n := ps.end(entries)
		part, ok := ps.get(ps.at(packKey{r, of, entries[0].key}), entries[:n], storage)
		if !ok {
			return nil, false
		}
		parts, entries = append(parts, part), entries[n:]
	}
	return parts, true
}

// end is how many of some entries are in the first pack.
func (ps *packs) end(entries []*entry) int {
	for i, e := range entries[1:] {
		if maphash.String(ps.seed, e.key)%packLength == 0 || i+1 == maxPack {
			return i + 1
		}
	}
	return len(entries)
}

// get returns a pack of just these entries, made anew if it is of others.
func (ps *packs) get(p *pack, entries []*entry, storage *Storage) (deflated, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.EqualFunc(p.revisions, entries, func(revision int64, e *entry) bool { return revision == e.revision }) {
		return p.deflated, true
	}
	complete := true
	zip := ps.zips.Get().(*flate.Writer)
	defer ps.zips.Put(zip)
	made := deflate(zip, func(w io.Writer) {
		var item []byte
		for _, e := range entries {
			message, ok := e.message(storage)
			complete = complete && ok
			item = message.AppendItem(item[:0], formatRevision(e.revision))
			_, _ = w.Write(item)
		}
	})
	if !complete {
		return deflated{}, false
	}
	ps.size.Add(int64(len(made.data) - len(p.deflated.data)))
	p.deflated, p.revisions = made, make([]int64, len(entries))
	for i, e := range entries {
		p.revisions[i] = e.revision
	}
	return made, true
}

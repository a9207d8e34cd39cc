package garbagecollector

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
)

// A node is an object in the graph. Nodes are replaced, never changed.
type node struct {
	resource  *api.Resource
	namespace string
	name      string
	uid       types.UID
	owners    []metav1.OwnerReference
	deleting  bool
	// The finalizers that say how the object is to be deleted.
	foreground, orphan bool
}

func newNode(resource *api.Resource, obj *metav1.PartialObjectMetadata) *node {
	return &node{
		resource: resource, namespace: obj.Namespace, name: obj.Name, uid: obj.UID,
		owners:     obj.OwnerReferences,
		deleting:   obj.DeletionTimestamp != nil,
		foreground: slices.Contains(obj.Finalizers, metav1.FinalizerDeleteDependents),
		orphan:     slices.Contains(obj.Finalizers, metav1.FinalizerOrphanDependents),
	}
}

// waiting says that the object goes once its dependents have gone.
func (n *node) waiting() bool { return n.deleting && n.foreground }

// orphaning says that the object goes once its dependents have forgotten it.
func (n *node) orphaning() bool { return n.deleting && n.orphan }

// blocks says whether the node keeps an owner that waits for it.
func (n *node) blocks(owner types.UID) bool {
	return slices.ContainsFunc(n.owners, func(ref metav1.OwnerReference) bool {
		return ref.UID == owner && ref.BlockOwnerDeletion != nil && *ref.BlockOwnerDeletion
	})
}

// A graph knows all objects and who owns whom. It lags behind the API server as
// its informers do. Safe for concurrent use.
type graph struct {
	mu         sync.Mutex // guards the fields below
	nodes      map[types.UID]*node
	dependents map[types.UID]map[types.UID]bool // owner -> dependents; the owner may be unknown
}

func newGraph() *graph {
	return &graph{nodes: map[types.UID]*node{}, dependents: map[types.UID]map[types.UID]bool{}}
}

// observe puts an object's present state into the graph and returns the uids of all that should
// be looked at because of it.
func (g *graph) observe(n *node) []types.UID {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.nodes[n.uid]
	concerned := map[types.UID]bool{}
	if before != nil {
		for _, ref := range before.owners {
			g.unlinkLocked(ref.UID, n.uid)
			g.concernWaitingLocked(concerned, ref.UID)
		}
	}
	g.nodes[n.uid] = n
	for _, ref := range n.owners {
		if g.dependents[ref.UID] == nil {
			g.dependents[ref.UID] = map[types.UID]bool{}
		}
		g.dependents[ref.UID][n.uid] = true
		g.concernWaitingLocked(concerned, ref.UID)
	}
	if len(n.owners) > 0 || n.waiting() || n.orphaning() {
		concerned[n.uid] = true
	}
	if n.waiting() {
		maps.Copy(concerned, g.dependents[n.uid])
	}
	return sorted(concerned)
}

// remove takes out an object that is gone and returns what to look at: its
// dependents, and the owners that waited for it.
func (g *graph) remove(uid types.UID) []types.UID {
	g.mu.Lock()
	defer g.mu.Unlock()
	gone := g.nodes[uid]
	if gone == nil {
		return nil
	}
	delete(g.nodes, uid)
	concerned := maps.Clone(g.dependents[uid])
	if concerned == nil {
		concerned = map[types.UID]bool{}
	}
	for _, ref := range gone.owners {
		g.unlinkLocked(ref.UID, uid)
		g.concernWaitingLocked(concerned, ref.UID)
	}
	g.tidyLocked(uid)
	return sorted(concerned)
}

// unlinkLocked forgets that a dependent named an owner.
func (g *graph) unlinkLocked(owner, dependent types.UID) {
	delete(g.dependents[owner], dependent)
	g.tidyLocked(owner)
}

// tidyLocked drops an empty set of dependents.
func (g *graph) tidyLocked(owner types.UID) {
	if len(g.dependents[owner]) == 0 {
		delete(g.dependents, owner)
	}
}

// concernWaitingLocked adds an owner that waits for its dependents.
func (g *graph) concernWaitingLocked(concerned map[types.UID]bool, owner types.UID) {
	if n := g.nodes[owner]; n != nil && (n.waiting() || n.orphaning()) {
		concerned[owner] = true
	}
}

// node returns an object, or nil.
func (g *graph) node(uid types.UID) *node {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.nodes[uid]
}

// dependentsOf returns the objects that name this one as an owner, by uid.
func (g *graph) dependentsOf(uid types.UID) []*node {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := make([]*node, 0, len(g.dependents[uid]))
	for dependent := range g.dependents[uid] {
		found = append(found, g.nodes[dependent])
	}
	slices.SortFunc(found, func(a, b *node) int { return cmp.Compare(a.uid, b.uid) })
	return found
}

func sorted(set map[types.UID]bool) []types.UID { return slices.Sorted(maps.Keys(set)) }

package scheduler

import (
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// A Cache keeps the nodes with the pods on them: those the API server tells of,
// and those that were decided on but are not told of yet. It is safe for
// concurrent use.
//
// Snapshots share nodes with the cache. Each snapshot begins an era; a node made
// in an earlier one may be in a snapshot, and is copied before it is changed:
//
//	era 1   cache  n1 n2 n3          Snapshot ─▶ n1 n2 n3
//	era 2   cache  n1 n2'n3          a pod came to n2; the snapshot has the old n2
//	        cache  n1 n2'n3          another: n2' is of this era and changed in place
//
// So a snapshot costs a copy of the list of nodes, and of those that changed.
type Cache struct {
	mu sync.Mutex // guards the fields below
	// known are the nodes that exist, sorted by name.
	known []*NodeInfo
	// gone are nodes that do not, or not yet, but that have pods.
	gone map[string]*NodeInfo
	// where each pod is, by uid.
	where    map[string]place
	era      uint64
	snapshot *Snapshot // nil when something changed since
}

// A place is where a pod is. It is assumed until the API server confirms it.
type place struct {
	node    string
	assumed bool
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{gone: map[string]*NodeInfo{}, where: map[string]place{}}
}

// SetNode adds or updates a node. Pods that were seen before their node are on
// it then.
func (c *Cache) SetNode(node *corev1.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.findLocked(node.Name)
	if !ok {
		n := c.gone[node.Name]
		if n == nil {
			n = &NodeInfo{era: c.era}
		}
		delete(c.gone, node.Name)
		c.known = slices.Insert(c.known, i, n)
	}
	c.ownLocked(i).setNode(node)
}

// RemoveNode forgets a node. Its pods are kept in mind until they are removed
// too, since it may return.
func (c *Cache) RemoveNode(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.findLocked(name)
	if !ok {
		return
	}
	if n := c.ownLocked(i); len(n.Pods) > 0 {
		c.gone[name] = n
	}
	c.known = slices.Delete(c.known, i, i+1)
}

// SetPod records a pod that has a node, as the API server tells it. One that
// was assumed is confirmed by it, or corrected.
func (c *Cache) SetPod(pod *corev1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.placeLocked(NewPodInfo(pod), place{node: pod.Spec.NodeName})
}

// RemovePod forgets a pod and reports whether it was on a node, or assumed so.
func (c *Cache) RemovePod(pod *corev1.Pod) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removeLocked(string(pod.UID))
}

// Assume counts a pod as being on the node that was chosen for it. It refuses
// one that is on a node already: somebody else was faster.
func (c *Cache) Assume(p *PodInfo, node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.where[string(p.UID)]; ok {
		return false
	}
	c.placeLocked(p, place{node: node, assumed: true})
	return true
}

// Forget takes back an assumption, because binding failed. A pod that was
// confirmed meanwhile stays.
func (c *Cache) Forget(p *PodInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.where[string(p.UID)].assumed {
		c.removeLocked(string(p.UID))
	}
}

// Has reports whether the pod is known to be on, or assumed for, a node.
func (c *Cache) Has(pod *corev1.Pod) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.where[string(pod.UID)]
	return ok
}

// Snapshot returns the nodes as they are now.
func (c *Cache) Snapshot() *Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.snapshot == nil {
		c.snapshot = &Snapshot{Nodes: slices.Clone(c.known)}
		c.era++
	}
	return c.snapshot
}

func (c *Cache) placeLocked(p *PodInfo, at place) {
	uid := string(p.UID)
	if before, ok := c.where[uid]; ok && before.node != at.node {
		c.removeLocked(uid)
	}
	c.where[uid] = at
	if i, ok := c.findLocked(at.node); ok {
		c.ownLocked(i).addPod(p)
		return
	}
	if c.gone[at.node] == nil {
		c.gone[at.node] = &NodeInfo{era: c.era}
	}
	c.gone[at.node].addPod(p)
}

func (c *Cache) removeLocked(uid string) bool {
	at, ok := c.where[uid]
	if !ok {
		return false
	}
	delete(c.where, uid)
	if i, ok := c.findLocked(at.node); ok {
		c.ownLocked(i).removePod(uid)
		return true
	}
	if n := c.gone[at.node]; n != nil {
		if n.removePod(uid); len(n.Pods) == 0 {
			delete(c.gone, at.node)
		}
	}
	return true
}

// findLocked returns where a node is in the list, or where it would be.
func (c *Cache) findLocked(name string) (int, bool) {
	return slices.BinarySearchFunc(c.known, name, func(n *NodeInfo, name string) int {
		return strings.Compare(n.Node.Name, name)
	})
}

// ownLocked returns a node for changing: a copy, if a snapshot may hold it.
func (c *Cache) ownLocked(i int) *NodeInfo {
	c.snapshot = nil
	if n := c.known[i]; n.era != c.era {
		c.known[i] = n.clone()
		c.known[i].era = c.era
	}
	return c.known[i]
}

package scheduler

import (
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// A Cache keeps the nodes with the pods on them: those the API server tells of,
// and those that were decided on but are not told of yet. It is safe for
// concurrent use.
//
// Snapshots share nodes with the cache. A node that changes is copied first
// if a snapshot may hold it, so that taking one costs only what changed since.
type Cache struct {
	mu sync.Mutex // guards the fields below
	// nodes by name. A nil Node in one means that pods were seen on a node
	// that was not.
	nodes map[string]*NodeInfo
	order []string // the names of nodes, sorted
	// where each pod is, by uid; assumed are those not confirmed yet.
	where   map[string]string
	assumed map[string]bool
	// shared are the nodes that the last snapshot holds.
	shared   map[string]bool
	snapshot *Snapshot // nil when something changed since
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{
		nodes: map[string]*NodeInfo{}, where: map[string]string{},
		assumed: map[string]bool{}, shared: map[string]bool{},
	}
}

// SetNode adds or updates a node.
func (c *Cache) SetNode(node *corev1.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changeLocked(node.Name).setNode(node)
}

// RemoveNode forgets a node; its pods are kept in mind in case it returns.
func (c *Cache) RemoveNode(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changeLocked(name).Node = nil
	c.dropLocked(name)
}

// SetPod records a pod that has a node, as the API server tells it. One that
// was assumed is confirmed by it.
func (c *Cache) SetPod(pod *corev1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.assumed, string(pod.UID))
	c.placeLocked(NewPodInfo(pod), pod.Spec.NodeName)
}

// RemovePod forgets a pod.
func (c *Cache) RemovePod(pod *corev1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.assumed, string(pod.UID))
	c.removeLocked(string(pod.UID))
}

// Assume counts a pod as being on the node that was chosen for it.
func (c *Cache) Assume(p *PodInfo, node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assumed[string(p.UID)] = true
	c.placeLocked(p, node)
}

// Forget takes back an assumption, because binding failed. A pod that was
// confirmed meanwhile stays.
func (c *Cache) Forget(p *PodInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if uid := string(p.UID); c.assumed[uid] {
		delete(c.assumed, uid)
		c.removeLocked(uid)
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
	if c.snapshot != nil {
		return c.snapshot
	}
	c.snapshot = &Snapshot{Nodes: make([]*NodeInfo, 0, len(c.order))}
	for _, name := range c.order {
		if n := c.nodes[name]; n.Node != nil {
			c.snapshot.Nodes = append(c.snapshot.Nodes, n)
			c.shared[name] = true
		}
	}
	return c.snapshot
}

func (c *Cache) placeLocked(p *PodInfo, node string) {
	if at := c.where[string(p.UID)]; at != node {
		c.removeLocked(string(p.UID))
	}
	c.where[string(p.UID)] = node
	c.changeLocked(node).AddPod(p)
}

func (c *Cache) removeLocked(uid string) {
	node, ok := c.where[uid]
	if !ok {
		return
	}
	delete(c.where, uid)
	c.changeLocked(node).RemovePod(uid)
	c.dropLocked(node)
}

// dropLocked forgets a node that is gone, once its pods are.
func (c *Cache) dropLocked(name string) {
	if n := c.nodes[name]; n.Node != nil || len(n.Pods) > 0 {
		return
	}
	delete(c.nodes, name)
	if i, ok := slices.BinarySearch(c.order, name); ok {
		c.order = slices.Delete(c.order, i, i+1)
	}
}

// changeLocked returns the node for changing: a new one, or a copy of one
// that a snapshot holds.
func (c *Cache) changeLocked(name string) *NodeInfo {
	c.snapshot = nil
	n := c.nodes[name]
	switch {
	case n == nil:
		n = &NodeInfo{Pods: map[string]*PodInfo{}}
		i, _ := slices.BinarySearch(c.order, name)
		c.order = slices.Insert(c.order, i, name)
	case c.shared[name]:
		n = n.clone()
		delete(c.shared, name)
	default:
		return n
	}
	c.nodes[name] = n
	return n
}

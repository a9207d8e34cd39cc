package scheduler

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Nominations are the pods for which others were pushed off a node. They wait
// until those have ended, which takes as long as their grace period; meanwhile
// nobody less important may take the place. It is safe for concurrent use.
type Nominations struct {
	mu    sync.Mutex // guards the fields below
	nodes map[types.UID]string
	// view is by node; it is copied when it changes, since snapshots hold it.
	view map[string][]*PodInfo
}

// NewNominations returns an empty set.
func NewNominations() *Nominations {
	return &Nominations{nodes: map[types.UID]string{}}
}

// Set nominates a pod for a node, and for no other.
func (n *Nominations) Set(p *PodInfo, node string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.removeLocked(p.UID)
	n.nodes[p.UID] = node
	n.view = maps.Clone(n.view)
	if n.view == nil {
		n.view = map[string][]*PodInfo{}
	}
	n.view[node] = append(slices.Clip(n.view[node]), p)
}

// Remove ends a pod's nomination and reports whether it had one.
func (n *Nominations) Remove(uid types.UID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.removeLocked(uid)
}

func (n *Nominations) removeLocked(uid types.UID) bool {
	node, ok := n.nodes[uid]
	if !ok {
		return false
	}
	delete(n.nodes, uid)
	n.view = maps.Clone(n.view)
	rest := slices.DeleteFunc(slices.Clone(n.view[node]), func(p *PodInfo) bool { return p.UID == uid })
	if n.view[node] = rest; len(rest) == 0 {
		delete(n.view, node)
	}
	return true
}

// Node returns the node that a pod is nominated for, or "".
func (n *Nominations) Node(uid types.UID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[uid]
}

// View returns the nominated pods by node. The map does not change any more.
func (n *Nominations) View() map[string][]*PodInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.view
}

package scheduler

import (
	"slices"
	"strings"
)

// A Snapshot is the state of the nodes at one moment. It never changes.
type Snapshot struct {
	// Nodes are sorted by name.
	Nodes []*NodeInfo
	// Nominated are pods that others were pushed off a node for, by node. They
	// will come there, but are not there yet.
	Nominated map[string][]*PodInfo
}

// NewSnapshot makes a snapshot of nodes.
func NewSnapshot(nodes ...*NodeInfo) *Snapshot {
	s := &Snapshot{Nodes: slices.Clone(nodes)}
	slices.SortFunc(s.Nodes, func(a, b *NodeInfo) int { return strings.Compare(a.Node.Name, b.Node.Name) })
	return s
}

// Node returns the node of that name, or nil.
func (s *Snapshot) Node(name string) *NodeInfo {
	if i, ok := s.find(name); ok {
		return s.Nodes[i]
	}
	return nil
}

func (s *Snapshot) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.Nodes, name, func(n *NodeInfo, name string) int {
		return strings.Compare(n.Node.Name, name)
	})
}

// With returns a snapshot in which the node of that name is another: what would
// be if pods came or went there. It has nobody nominated.
func (s *Snapshot) With(node *NodeInfo) *Snapshot {
	out := &Snapshot{Nodes: slices.Clone(s.Nodes)}
	if i, ok := s.find(node.Node.Name); ok {
		out.Nodes[i] = node
	}
	return out
}

// nomination returns the node that a pod is nominated for, or "".
func (s *Snapshot) nomination(p *PodInfo) string {
	for node, pods := range s.Nominated {
		for _, other := range pods {
			if other.UID == p.UID {
				return node
			}
		}
	}
	return ""
}

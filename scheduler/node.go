package scheduler

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// A NodeInfo is a node with the pods on it. One in a [Snapshot] never changes,
// so what was worked out from one stays true.
type NodeInfo struct {
	Node        *corev1.Node
	Allocatable Resources
	MaxPods     int64
	// Pods are in no particular order.
	Pods []*PodInfo
	// Caring are those of Pods with an affinity or anti-affinity to other pods.
	Caring    []*PodInfo
	Requested Resources
	Likely    Resources
	// Images are the bytes of the images the node has, by name.
	Images map[string]int64

	era uint64 // of the cache when this was made
}

// NewNodeInfo returns a node with pods on it.
func NewNodeInfo(node *corev1.Node, pods ...*PodInfo) *NodeInfo {
	n := &NodeInfo{}
	n.setNode(node)
	for _, p := range pods {
		n.addPod(p)
	}
	return n
}

func (n *NodeInfo) setNode(node *corev1.Node) {
	n.Node = node
	n.Allocatable = resourcesOf(node.Status.Allocatable)
	n.MaxPods = node.Status.Allocatable.Pods().Value()
	n.Images = make(map[string]int64, len(node.Status.Images))
	for _, image := range node.Status.Images {
		for _, name := range image.Names {
			n.Images[name] = image.SizeBytes
		}
	}
}

// addPod puts a pod on the node; one that is there already is replaced.
func (n *NodeInfo) addPod(p *PodInfo) {
	n.removePod(string(p.UID))
	n.Pods = append(n.Pods, p)
	if p.Affinity != nil {
		n.Caring = append(n.Caring, p)
	}
	n.Requested.Add(&p.Requests, 1)
	n.Likely.Add(&p.Likely, 1)
}

// removePod takes the pod with that uid off the node.
func (n *NodeInfo) removePod(uid string) {
	is := func(p *PodInfo) bool { return string(p.UID) == uid }
	i := slices.IndexFunc(n.Pods, is)
	if i < 0 {
		return
	}
	p := n.Pods[i]
	n.Pods = slices.Delete(n.Pods, i, i+1)
	if p.Affinity != nil {
		n.Caring = slices.DeleteFunc(n.Caring, is)
	}
	n.Requested.Add(&p.Requests, -1)
	n.Likely.Add(&p.Likely, -1)
}

// clone returns a copy that can be changed without changing n.
func (n *NodeInfo) clone() *NodeInfo {
	c := *n
	c.Pods = append(make([]*PodInfo, 0, len(n.Pods)+1), n.Pods...)
	c.Caring = slices.Clone(n.Caring)
	c.Requested, c.Likely = n.Requested.Clone(), n.Likely.Clone()
	return &c
}

// With returns a copy of the node that has more pods.
func (n *NodeInfo) With(pods ...*PodInfo) *NodeInfo {
	c := n.clone()
	for _, p := range pods {
		c.addPod(p)
	}
	return c
}

// Without returns a copy of the node that lacks some pods.
func (n *NodeInfo) Without(pods ...*PodInfo) *NodeInfo {
	c := n.clone()
	for _, p := range pods {
		c.removePod(string(p.UID))
	}
	return c
}

// String says how full the node is.
func (n *NodeInfo) String() string {
	return fmt.Sprintf("%s: cpu %dm of %dm, memory %dMi of %dMi, pods %d of %d", n.Node.Name,
		n.Requested.MilliCPU, n.Allocatable.MilliCPU,
		n.Requested.Memory>>20, n.Allocatable.Memory>>20, len(n.Pods), n.MaxPods)
}

package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Defaults for scoring: what a container that asks for nothing is taken to use,
// so that such pods do not all land on one node.
const (
	defaultMilliCPU = 100
	defaultMemory   = 200 << 20
)

// A PodInfo is a pod with what scheduling needs to know of it, worked out once.
type PodInfo struct {
	*corev1.Pod
	Requests Resources
	// Likely are the requests with defaults for containers without any.
	Likely Resources
	// Ports are the host ports it wants.
	Ports []HostPort
}

// A HostPort is a port of the node's own address that a pod takes.
type HostPort struct {
	IP       string // "" or "0.0.0.0" for all addresses
	Protocol corev1.Protocol
	Port     int32
}

// Conflicts reports whether two pods cannot both have their port on one node.
func (h HostPort) Conflicts(other HostPort) bool {
	all := func(ip string) bool { return ip == "" || ip == "0.0.0.0" }
	return h.Port == other.Port && h.Protocol == other.Protocol &&
		(h.IP == other.IP || all(h.IP) || all(other.IP))
}

// NewPodInfo works out what scheduling needs to know of a pod.
func NewPodInfo(pod *corev1.Pod) *PodInfo {
	p := &PodInfo{Pod: pod, Requests: requests(pod)}
	p.Likely = Resources{MilliCPU: p.Requests.MilliCPU, Memory: p.Requests.Memory}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		if c.Resources.Requests.Cpu().IsZero() {
			p.Likely.MilliCPU += defaultMilliCPU
		}
		if c.Resources.Requests.Memory().IsZero() {
			p.Likely.Memory += defaultMemory
		}
	}
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			for _, port := range list[i].Ports {
				if port.HostPort != 0 {
					p.Ports = append(p.Ports, HostPort{port.HostIP, port.Protocol, port.HostPort})
				}
			}
		}
	}
	return p
}

// A NodeInfo is a node with the pods on it. One in a [Snapshot] never changes.
type NodeInfo struct {
	Node        *corev1.Node
	Allocatable Resources
	MaxPods     int64
	Pods        map[string]*PodInfo // by uid
	Requested   Resources
	Likely      Resources
	// Images are the bytes of the images the node has, by name.
	Images map[string]int64
}

// NewNodeInfo returns a node without pods.
func NewNodeInfo(node *corev1.Node) *NodeInfo {
	n := &NodeInfo{Pods: map[string]*PodInfo{}}
	n.setNode(node)
	return n
}

func (n *NodeInfo) setNode(node *corev1.Node) {
	n.Node = node
	n.Allocatable = resourcesOf(node.Status.Allocatable)
	n.MaxPods = node.Status.Allocatable.Pods().Value()
	n.Images = map[string]int64{}
	for _, image := range node.Status.Images {
		for _, name := range image.Names {
			n.Images[name] = image.SizeBytes
		}
	}
}

// AddPod puts a pod on the node; one that is there already is replaced.
func (n *NodeInfo) AddPod(p *PodInfo) {
	n.RemovePod(string(p.UID))
	n.Pods[string(p.UID)] = p
	n.Requested.Add(&p.Requests, 1)
	n.Likely.Add(&p.Likely, 1)
}

// RemovePod takes the pod with that uid off the node.
func (n *NodeInfo) RemovePod(uid string) {
	p, ok := n.Pods[uid]
	if !ok {
		return
	}
	delete(n.Pods, uid)
	n.Requested.Add(&p.Requests, -1)
	n.Likely.Add(&p.Likely, -1)
}

// clone returns a copy that can be changed without changing n.
func (n *NodeInfo) clone() *NodeInfo {
	c := *n
	c.Pods = maps.Clone(n.Pods)
	c.Requested, c.Likely = n.Requested.Clone(), n.Likely.Clone()
	return &c
}

// String says how full the node is.
func (n *NodeInfo) String() string {
	return fmt.Sprintf("%s: cpu %dm of %dm, memory %dMi of %dMi, pods %d of %d", n.Node.Name,
		n.Requested.MilliCPU, n.Allocatable.MilliCPU,
		n.Requested.Memory>>20, n.Allocatable.Memory>>20, len(n.Pods), n.MaxPods)
}

// A Snapshot is the state of the nodes at one moment. It never changes.
type Snapshot struct {
	// Nodes are sorted by name.
	Nodes []*NodeInfo
}

// NewSnapshot makes a snapshot of nodes, which must not change afterwards.
func NewSnapshot(nodes ...*NodeInfo) *Snapshot {
	s := &Snapshot{Nodes: slices.Clone(nodes)}
	slices.SortFunc(s.Nodes, func(a, b *NodeInfo) int { return strings.Compare(a.Node.Name, b.Node.Name) })
	return s
}

// Node returns the node of that name, or nil.
func (s *Snapshot) Node(name string) *NodeInfo {
	i, ok := slices.BinarySearchFunc(s.Nodes, name, func(n *NodeInfo, name string) int {
		return strings.Compare(n.Node.Name, name)
	})
	if !ok {
		return nil
	}
	return s.Nodes[i]
}

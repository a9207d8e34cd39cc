package plugins

import (
	"github.com/coracle-k8s/coracle/scheduler"
)

// A memory asks each node of a snapshot some question, such as how many of its
// pods have certain labels, and remembers the answers. A node in a snapshot never
// changes, so its answer stays true: from one cycle to the next only those nodes
// are asked again that pods came to or left.
//
// The zero value is ready. One goroutine uses it.
type memory[T any] struct {
	known map[string]*answers[T]
	clock uint64
}

// answers are what was answered to one question: for each place in the snapshot's
// list the node that was there, and what it said.
type answers[T any] struct {
	nodes []*scheduler.NodeInfo
	said  []T
	used  uint64
}

// maxQuestions is how many questions a memory holds.
const maxQuestions = 64

// ask returns the answer of each of the snapshot's nodes, in order. The question
// must say all that answer depends on besides the node. The result is valid until
// the next call.
func (m *memory[T]) ask(s *scheduler.Snapshot, question string, answer func(*scheduler.NodeInfo) T) []T {
	m.clock++
	a := m.known[question]
	if a == nil || len(a.nodes) != len(s.Nodes) {
		a = &answers[T]{nodes: make([]*scheduler.NodeInfo, len(s.Nodes)), said: make([]T, len(s.Nodes))}
		m.remember(question, a)
	}
	a.used = m.clock
	for i, node := range s.Nodes {
		if a.nodes[i] != node {
			a.nodes[i], a.said[i] = node, answer(node)
		}
	}
	return a.said
}

// remember keeps answers, and forgets those not asked for the longest time if
// there are too many.
func (m *memory[T]) remember(question string, a *answers[T]) {
	if m.known == nil {
		m.known = map[string]*answers[T]{}
	}
	if m.known[question] == nil && len(m.known) >= maxQuestions {
		oldest := ""
		for q, a := range m.known {
			if oldest == "" || a.used < m.known[oldest].used {
				oldest = q
			}
		}
		delete(m.known, oldest)
	}
	m.known[question] = a
}

// A counter is a memory of how many pods match.
type counter struct{ memory[int32] }

// count returns the number of matching pods of each node. The question must say
// all that match depends on besides the pod.
func (c *counter) count(s *scheduler.Snapshot, question string, match func(*scheduler.PodInfo) bool) []int32 {
	return c.ask(s, question, func(node *scheduler.NodeInfo) int32 {
		var n int32
		for _, pod := range node.Pods {
			if match(pod) {
				n++
			}
		}
		return n
	})
}

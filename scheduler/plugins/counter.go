package plugins

import (
	"github.com/coracle-k8s/coracle/scheduler"
)

// A counter counts the pods on each node that answer some question, such as
// whether they have certain labels, and remembers the answers. A node in a
// snapshot never changes, so what was counted on it stays true: from one cycle to the next only
// the nodes are counted again that pods came to or left.
//
// The zero value is ready. One goroutine uses it.
type counter struct {
	known map[string]*answer
	clock uint64
}

// An answer is what was counted for one question: for each place in the
// snapshot's list the node that was there, and the number.
type answer struct {
	nodes  []*scheduler.NodeInfo
	counts []int32
	used   uint64
}

// maxAnswers is how many questions a counter remembers.
const maxAnswers = 64

// count returns the number of matching pods for each of the snapshot's nodes, in
// order. The question must say all that match depends on besides the pod. The
// result is valid until the next call.
func (c *counter) count(s *scheduler.Snapshot, question string, match func(*scheduler.PodInfo) bool) []int32 {
	a := c.answer(question, len(s.Nodes))
	for i, node := range s.Nodes {
		if a.nodes[i] == node {
			continue
		}
		a.nodes[i], a.counts[i] = node, 0
		for _, pod := range node.Pods {
			if match(pod) {
				a.counts[i]++
			}
		}
	}
	return a.counts
}

func (c *counter) answer(question string, nodes int) *answer {
	c.clock++
	a := c.known[question]
	if a == nil || len(a.nodes) != nodes {
		a = &answer{nodes: make([]*scheduler.NodeInfo, nodes), counts: make([]int32, nodes)}
		c.remember(question, a)
	}
	a.used = c.clock
	return a
}

// remember keeps an answer, and forgets the one not asked for the longest time
// if there are too many.
func (c *counter) remember(question string, a *answer) {
	if c.known == nil {
		c.known = map[string]*answer{}
	}
	if c.known[question] == nil && len(c.known) >= maxAnswers {
		oldest := ""
		for q, a := range c.known {
			if oldest == "" || a.used < c.known[oldest].used {
				oldest = q
			}
		}
		delete(c.known, oldest)
	}
	c.known[question] = a
}

package plugins

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/scheduler"
)

// A pull is what the pods of one node want of the cycle's pod: that it be, or not
// be, in the node's domain of some label.
type pull struct {
	key string
	// unwilling is how many of them will not have it there.
	unwilling int64
	// weight is how much they would like to, or would rather not if it is negative.
	weight int64
}

// requiredWeight is what it counts that a pod which is there already has the new
// one in its required affinity: it got what it wanted, but would like more of it.
const requiredWeight = 1

// felt returns for each node what its pods want of the cycle's, which depends on
// nothing but that pod's labels, and its namespace.
func (p *InterPodAffinity) felt(c *scheduler.Cycle) [][]pull {
	namespace := p.labelsOf(c.Pod.Namespace)
	question := fmt.Sprintf("%s\n%s\n%s", c.Pod.Namespace, namespace, labels.Set(c.Pod.Labels))
	return p.pulls.ask(c.Snapshot, question, func(node *scheduler.NodeInfo) []pull {
		var out []pull
		for _, other := range node.Caring {
			a := other.Affinity
			for i := range a.RequiredAnti {
				out = feel(out, c, &a.RequiredAnti[i], namespace, 1, 0)
			}
			for i := range a.Required {
				out = feel(out, c, &a.Required[i], namespace, 0, requiredWeight)
			}
			for i := range a.Preferred {
				out = feel(out, c, &a.Preferred[i], namespace, 0, a.Preferred[i].Weight)
			}
			for i := range a.PreferredAnti {
				out = feel(out, c, &a.PreferredAnti[i], namespace, 0, -a.PreferredAnti[i].Weight)
			}
		}
		return out
	})
}

// feel adds one term to the pulls, if it is about the cycle's pod.
func feel(pulls []pull, c *scheduler.Cycle, term *scheduler.AffinityTerm, namespace labels.Set, unwilling, weight int64) []pull {
	if !term.Matches(c.Pod.Pod, namespace) {
		return pulls
	}
	for i := range pulls {
		if pulls[i].key == term.TopologyKey {
			pulls[i].unwilling += unwilling
			pulls[i].weight += weight
			return pulls
		}
	}
	return append(pulls, pull{term.TopologyKey, unwilling, weight})
}

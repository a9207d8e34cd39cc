package plugins

import (
	"slices"

	"github.com/coracle-k8s/coracle/scheduler"
)

// requiredWeight is what it counts that a pod which is there already has the new
// one in its required affinity: it got what it wanted, but would like more of it.
const requiredWeight = 1

// attraction is what is remembered from PreScore: how much each domain attracts.
type attraction neighbourhood

// PreScore implements scheduler.PreScore: it adds up the weights of what the pod
// prefers, and of what the pods that are there prefer about it.
func (p *InterPodAffinity) PreScore(c *scheduler.Cycle, _ []*scheduler.NodeInfo) {
	sum := neighbourhood{}
	if own := c.Pod.Affinity; own != nil {
		for i := range own.Preferred {
			sum.add(c, own.Preferred[i].TopologyKey, p.count(c, own.Preferred[i:i+1]), own.Preferred[i].Weight)
		}
		for i := range own.PreferredAnti {
			sum.add(c, own.PreferredAnti[i].TopologyKey, p.count(c, own.PreferredAnti[i:i+1]), -own.PreferredAnti[i].Weight)
		}
	}
	namespace := p.labelsOf(c.Pod.Namespace)
	for _, node := range c.Snapshot.Nodes {
		for _, other := range node.Caring {
			put := func(terms []scheduler.AffinityTerm, weigh func(weight int64) int64) {
				for i := range terms {
					if terms[i].Matches(c.Pod.Pod, namespace) {
						sum.put(node, terms[i].TopologyKey, weigh(terms[i].Weight))
					}
				}
			}
			put(other.Affinity.Required, func(int64) int64 { return requiredWeight })
			put(other.Affinity.Preferred, func(w int64) int64 { return w })
			put(other.Affinity.PreferredAnti, func(w int64) int64 { return -w })
		}
	}
	if len(sum) > 0 {
		c.Keep(scoreOf{p}, attraction(sum))
	}
}

// scoreOf is the plugin under a second name, since what its Score remembers is
// not what its Filter does.
type scoreOf struct{ *InterPodAffinity }

// Name implements scheduler.Plugin.
func (scoreOf) Name() string { return "InterPodAffinity score" }

// Score implements scheduler.Score: it adds up the node's domains.
func (p *InterPodAffinity) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	sum := scheduler.Kept[attraction](c, scoreOf{p})
	if len(sum) == 0 {
		return 0
	}
	var points int64
	for key, value := range node.Node.Labels {
		points += sum[domain{key, value}]
	}
	return points
}

// Normalize implements scheduler.Score: from the least to the most attractive.
func (*InterPodAffinity) Normalize(_ *scheduler.Cycle, scores []int64) {
	least, most := slices.Min(scores), slices.Max(scores)
	for i, s := range scores {
		scores[i] = 0
		if most > least {
			scores[i] = scheduler.MaxScore * (s - least) / (most - least)
		}
	}
}

// Weight implements scheduler.Score.
func (*InterPodAffinity) Weight() int64 { return 2 }

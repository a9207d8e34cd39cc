package plugins

import (
	"slices"

	"github.com/coracle-k8s/coracle/scheduler"
)

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
	for i, pulls := range p.felt(c) {
		for _, pull := range pulls {
			if pull.weight != 0 {
				sum.put(c.Snapshot.Nodes[i], pull.key, pull.weight)
			}
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

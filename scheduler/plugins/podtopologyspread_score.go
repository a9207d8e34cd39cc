package plugins

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/scheduler"
)

// constraintsOf are the pod's constraints, and whether it has any of its own.
// Pods of a controller that have not are spread by default: apart by node, and
// further apart by zone.
func constraintsOf(pod *corev1.Pod) ([]corev1.TopologySpreadConstraint, bool) {
	if len(pod.Spec.TopologySpreadConstraints) > 0 {
		return pod.Spec.TopologySpreadConstraints, true
	}
	shared := siblings(pod)
	if len(shared) == 0 {
		return nil, false
	}
	selector := &metav1.LabelSelector{MatchLabels: shared}
	return []corev1.TopologySpreadConstraint{
		{TopologyKey: corev1.LabelHostname, MaxSkew: 3, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: selector},
		{TopologyKey: corev1.LabelTopologyZone, MaxSkew: 5, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: selector},
	}, false
}

// siblings are the labels that the pods of the pod's controller share: all but
// those that number them.
func siblings(pod *corev1.Pod) map[string]string {
	if metav1.GetControllerOf(pod) == nil {
		return nil
	}
	out := make(map[string]string, len(pod.Labels))
	for key, value := range pod.Labels {
		switch key {
		case "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-completion-index":
		default:
			out[key] = value
		}
	}
	return out
}

// PreScore implements scheduler.PreScore: it counts for the constraints that may
// be broken.
func (p PodTopologySpread) PreScore(c *scheduler.Cycle, nodes []*scheduler.NodeInfo) {
	all := scheduler.Kept[*spread](c, p)
	if all == nil {
		return
	}
	for _, k := range all.soft {
		p.countSoft(c, k, all, nodes)
	}
}

// countSoft counts in the domains of the nodes to choose from. A constraint with
// few domains, such as zones, would always outweigh one with many, such as
// nodes; the logarithm of their number makes up for it.
func (p PodTopologySpread) countSoft(c *scheduler.Cycle, k *constraint, all *spread, nodes []*scheduler.NodeInfo) {
	if k.TopologyKey == corev1.LabelHostname {
		// Each node is a domain; Score looks its pods up by name.
		pods := p.pods(c, k)
		k.counts = make(map[string]int64, len(nodes))
		for i, node := range c.Snapshot.Nodes {
			if pods[i] > 0 {
				k.counts[node.Node.Name] = int64(pods[i])
			}
		}
		k.weight = math.Log(float64(len(nodes) + 2))
		return
	}
	for _, node := range nodes {
		if value, ok := node.Node.Labels[k.TopologyKey]; ok && (!all.own || hasAll(node, all.soft)) {
			k.counts[value] = 0
		}
	}
	k.weight = math.Log(float64(len(k.counts) + 2))
	if len(k.counts) == 0 {
		return
	}
	pods := p.pods(c, k)
	for i, node := range c.Snapshot.Nodes {
		value := node.Node.Labels[k.TopologyKey]
		if n, ok := k.counts[value]; ok && pods[i] > 0 && (!all.own || hasAll(node, all.soft)) && k.includes(c, node) {
			k.counts[value] = n + int64(pods[i])
		}
	}
}

// noDomain are the points of a node that lacks the label of a constraint that
// the pod asked for.
const noDomain = -1

// Score implements scheduler.Score: it adds up the pods in the node's domains.
// Less is better.
func (p PodTopologySpread) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	all := scheduler.Kept[*spread](c, p)
	if all == nil {
		return 0
	}
	if all.own && !hasAll(node, all.soft) {
		return noDomain
	}
	var sum float64
	for _, k := range all.soft {
		value, ok := node.Node.Labels[k.TopologyKey]
		if k.TopologyKey == corev1.LabelHostname {
			value = node.Node.Name
		}
		if ok {
			sum += float64(k.counts[value])*k.weight + float64(k.MaxSkew-1)
		}
	}
	return int64(math.Round(sum))
}

// Normalize implements scheduler.Score: the emptiest domain gets the most, a
// node without a domain nothing.
func (p PodTopologySpread) Normalize(c *scheduler.Cycle, scores []int64) {
	if all := scheduler.Kept[*spread](c, p); all == nil || len(all.soft) == 0 {
		clear(scores)
		return
	}
	least, most := int64(math.MaxInt64), int64(0)
	for _, s := range scores {
		if s != noDomain {
			least, most = min(least, s), max(most, s)
		}
	}
	for i, s := range scores {
		switch {
		case s == noDomain:
			scores[i] = 0
		case most == 0:
			scores[i] = scheduler.MaxScore
		default:
			scores[i] = scheduler.MaxScore * (most + least - s) / most
		}
	}
}

// Weight implements scheduler.Score.
func (PodTopologySpread) Weight() int64 { return 2 }

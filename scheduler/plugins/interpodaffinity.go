package plugins

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/scheduler"
)

// InterPodAffinity puts pods near some pods and away from others, where near
// means on nodes with the same value of a label: the same node, rack or zone
// (https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity).
// A pod's anti-affinity holds in both directions: whoever it does not want to be
// near may not come near it later either.
type InterPodAffinity struct {
	counter    counter
	pulls      memory[[]pull]
	namespaces *client.Informer[*corev1.Namespace] // nil: they have no labels
}

// NewInterPodAffinity returns the plugin over informers that somebody runs, from
// which it learns the labels of namespaces. Without informers there are none.
func NewInterPodAffinity(informers *client.Informers) *InterPodAffinity {
	p := &InterPodAffinity{}
	if informers != nil {
		p.namespaces = client.Shared[*corev1.Namespace](informers)
	}
	return p
}

var (
	_ scheduler.PreFilter = (*InterPodAffinity)(nil)
	_ scheduler.Filter    = (*InterPodAffinity)(nil)
	_ scheduler.PreScore  = (*InterPodAffinity)(nil)
	_ scheduler.Score     = (*InterPodAffinity)(nil)
	_ scheduler.Watcher   = (*InterPodAffinity)(nil)
)

// Name implements scheduler.Plugin.
func (*InterPodAffinity) Name() string { return "InterPodAffinity" }

// Helps implements scheduler.Plugin: anything may that moves pods, domains or
// what the pods are called.
func (*InterPodAffinity) Helps(c scheduler.Change) bool { return c != scheduler.VolumeChanged }

// Watch implements scheduler.Watcher.
func (p *InterPodAffinity) Watch(changed func(scheduler.Change)) {
	if p.namespaces == nil {
		return
	}
	p.namespaces.OnChange(func(old, new *corev1.Namespace) {
		if old == nil || new == nil || !labels.Equals(old.Labels, new.Labels) {
			changed(scheduler.NamespaceChanged)
		}
	})
}

// A domain is the nodes for which a label has a value.
type domain struct{ key, value string }

// A neighbourhood is how many pods of interest are in each domain; those with
// none are not in it.
type neighbourhood map[domain]int64

// neighbours are what is remembered from PreFilter: where the pods are that the
// pod must be near, those that it must not be near, and those that will not have it near.
type neighbours struct{ wanted, unwanted, unwilling neighbourhood }

// PreFilter implements scheduler.PreFilter: it counts.
func (p *InterPodAffinity) PreFilter(c *scheduler.Cycle) *scheduler.Refusal {
	affinity := c.Pod.Affinity
	if affinity != nil && affinity.Err != nil {
		return scheduler.RefuseFinally(p, "the pod's affinity is invalid: "+affinity.Err.Error())
	}
	found := &neighbours{unwilling: p.unwilling(c)}
	if affinity != nil {
		found.wanted, found.unwanted = neighbourhood{}, neighbourhood{}
		if len(affinity.Required) > 0 {
			// Only pods count that answer to all of the terms.
			at := p.count(c, affinity.Required)
			for i := range affinity.Required {
				found.wanted.add(c, affinity.Required[i].TopologyKey, at, 1)
			}
		}
		for i := range affinity.RequiredAnti {
			found.unwanted.add(c, affinity.RequiredAnti[i].TopologyKey, p.count(c, affinity.RequiredAnti[i:i+1]), 1)
		}
	}
	if affinity != nil || len(found.unwilling) > 0 {
		c.Keep(p, found)
	}
	return nil
}

// unwilling finds the pods that have the cycle's in their anti-affinity.
func (p *InterPodAffinity) unwilling(c *scheduler.Cycle) neighbourhood {
	out := neighbourhood{}
	for i, pulls := range p.felt(c) {
		for _, pull := range pulls {
			if pull.unwilling > 0 {
				out.put(c.Snapshot.Nodes[i], pull.key, pull.unwilling)
			}
		}
	}
	return out
}

// count returns for each node how many of its pods answer to all of the terms.
func (p *InterPodAffinity) count(c *scheduler.Cycle, terms []scheduler.AffinityTerm) []int32 {
	var question strings.Builder
	inNamespaces := make([]map[string]bool, len(terms))
	for i := range terms {
		inNamespaces[i] = p.allowed(&terms[i])
		fmt.Fprintf(&question, "%v\n%s\n", inNamespaces[i], terms[i].Selector)
	}
	return p.counter.count(c.Snapshot, question.String(), func(other *scheduler.PodInfo) bool {
		for i := range terms {
			if !inNamespaces[i][other.Namespace] || !terms[i].Selector.Matches(labels.Set(other.Labels)) {
				return false
			}
		}
		return true
	})
}

// allowed are the namespaces in which a term looks for pods.
func (p *InterPodAffinity) allowed(t *scheduler.AffinityTerm) map[string]bool {
	out := map[string]bool{}
	for _, name := range t.Namespaces {
		out[name] = true
	}
	if t.NamespaceSelector != nil && p.namespaces != nil {
		for _, ns := range p.namespaces.List("", t.NamespaceSelector) {
			out[ns.Name] = true
		}
	}
	return out
}

func (p *InterPodAffinity) labelsOf(namespace string) labels.Set {
	if p.namespaces == nil {
		return nil
	}
	ns, ok := p.namespaces.Get("", namespace)
	if !ok {
		return nil
	}
	return ns.Labels
}

// add counts the pods of each node, times weight, in the node's domain.
func (n neighbourhood) add(c *scheduler.Cycle, key string, pods []int32, weight int64) {
	for i, count := range pods {
		if count > 0 {
			n.put(c.Snapshot.Nodes[i], key, weight*int64(count))
		}
	}
}

func (n neighbourhood) put(node *scheduler.NodeInfo, key string, count int64) {
	if value, ok := node.Node.Labels[key]; ok {
		n[domain{key, value}] += count
	}
}

// Filter implements scheduler.Filter.
func (p *InterPodAffinity) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	found := scheduler.Kept[*neighbours](c, p)
	switch {
	case found == nil:
		return nil
	case !p.near(c, found, node):
		return scheduler.RefuseFinally(p, "node(s) didn't match pod affinity rules")
	case c.Pod.Affinity != nil && found.unwanted.hasAny(node, c.Pod.Affinity.RequiredAnti):
		return scheduler.Refuse(p, "node(s) didn't match pod anti-affinity rules")
	case found.unwilling.reach(node):
		return scheduler.Refuse(p, "node(s) didn't satisfy existing pods anti-affinity rules")
	}
	return nil
}

// near reports whether the node is near all that the pod must be near. The first
// of pods that want to be near each other may go anywhere.
func (p *InterPodAffinity) near(c *scheduler.Cycle, found *neighbours, node *scheduler.NodeInfo) bool {
	if c.Pod.Affinity == nil {
		return true
	}
	all := true
	for i := range c.Pod.Affinity.Required {
		key := c.Pod.Affinity.Required[i].TopologyKey
		value, ok := node.Node.Labels[key]
		if !ok {
			return false
		}
		all = all && found.wanted[domain{key, value}] > 0
	}
	return all || len(found.wanted) == 0 && p.wantsItself(c)
}

func (p *InterPodAffinity) wantsItself(c *scheduler.Cycle) bool {
	own := p.labelsOf(c.Pod.Namespace)
	for i := range c.Pod.Affinity.Required {
		if !c.Pod.Affinity.Required[i].Matches(c.Pod.Pod, own) {
			return false
		}
	}
	return true
}

// hasAny reports whether the node is in a domain that counts for one of the terms.
func (n neighbourhood) hasAny(node *scheduler.NodeInfo, terms []scheduler.AffinityTerm) bool {
	for i := range terms {
		key := terms[i].TopologyKey
		if value, ok := node.Node.Labels[key]; ok && n[domain{key, value}] > 0 {
			return true
		}
	}
	return false
}

// reach reports whether the node is in any of the domains.
func (n neighbourhood) reach(node *scheduler.NodeInfo) bool {
	if len(n) == 0 {
		return false
	}
	for key, value := range node.Node.Labels {
		if n[domain{key, value}] > 0 {
			return true
		}
	}
	return false
}

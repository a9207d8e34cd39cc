package plugins

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/scheduler"
)

// VolumeRestrictions keeps a pod waiting while another uses a claim that is for
// one pod only, with access mode ReadWriteOncePod (KEP-2485).
type VolumeRestrictions struct {
	claims *client.Informer[*corev1.PersistentVolumeClaim]
}

// NewVolumeRestrictions returns the plugin over informers that somebody runs.
func NewVolumeRestrictions(informers *client.Informers) *VolumeRestrictions {
	return &VolumeRestrictions{client.Shared[*corev1.PersistentVolumeClaim](informers)}
}

var (
	_ scheduler.PreFilter = (*VolumeRestrictions)(nil)
	_ scheduler.Filter    = (*VolumeRestrictions)(nil)
)

// Name implements scheduler.Plugin.
func (*VolumeRestrictions) Name() string { return "VolumeRestrictions" }

// Helps implements scheduler.Plugin.
func (*VolumeRestrictions) Helps(c scheduler.Change) bool {
	return c == scheduler.PodDeleted || c == scheduler.VolumeChanged
}

// PreFilter implements scheduler.PreFilter: it looks for users of the claims that
// are for one pod only. Wherever they are, no node will do.
func (p *VolumeRestrictions) PreFilter(c *scheduler.Cycle) *scheduler.Refusal {
	var alone []string
	for _, name := range claimNames(c.Pod.Pod) {
		claim, ok := p.claims.Get(c.Pod.Namespace, name)
		if ok && slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteOncePod) {
			alone = append(alone, name)
		}
	}
	if len(alone) == 0 {
		return nil
	}
	users := 0
	for _, node := range c.Snapshot.Nodes {
		for _, other := range node.Pods {
			if other.Namespace == c.Pod.Namespace && uses(other.Pod, alone) {
				users++
			}
		}
	}
	c.Keep(p, users)
	return nil
}

func uses(pod *corev1.Pod, claims []string) bool {
	return slices.ContainsFunc(claimNames(pod), func(name string) bool { return slices.Contains(claims, name) })
}

// Filter implements scheduler.Filter. Less important users can be pushed off, if
// they are on this node.
func (p *VolumeRestrictions) Filter(c *scheduler.Cycle, _ *scheduler.NodeInfo) *scheduler.Refusal {
	if scheduler.Kept[int](c, p) == 0 {
		return nil
	}
	return scheduler.Refuse(p, "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode")
}

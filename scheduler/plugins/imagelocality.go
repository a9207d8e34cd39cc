package plugins

import (
	"strings"

	"github.com/coracle-k8s/coracle/scheduler"
)

// ImageLocality prefers nodes that have the pod's images already. Small images
// do not count, and an image that few nodes have counts less, so that not
// everybody goes where somebody was first.
type ImageLocality struct{}

var (
	_ scheduler.PreFilter = ImageLocality{}
	_ scheduler.Score     = ImageLocality{}
)

// The total size of images at which a node starts to be better, and at which
// it cannot get any better, in bytes for each container.
const (
	smallImage = 23 << 20
	largeImage = 1000 << 20
)

// Name implements scheduler.Plugin.
func (ImageLocality) Name() string { return "ImageLocality" }

// Helps implements scheduler.Plugin.
func (ImageLocality) Helps(scheduler.Change) bool { return false }

// PreFilter implements scheduler.PreFilter: it works out for each of the pod's
// images on which share of the nodes it is.
func (p ImageLocality) PreFilter(c *scheduler.Cycle) *scheduler.Refusal {
	spread := make(map[string]float64, len(c.Pod.Spec.Containers))
	for i := range c.Pod.Spec.Containers {
		name := withTag(c.Pod.Spec.Containers[i].Image)
		for _, node := range c.Snapshot.Nodes {
			if _, ok := node.Images[name]; ok {
				spread[name] += 1 / float64(len(c.Snapshot.Nodes))
			}
		}
	}
	c.Keep(p, spread)
	return nil
}

// Score implements scheduler.Score.
func (p ImageLocality) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	var sum float64
	for name, spread := range scheduler.Kept[map[string]float64](c, p) {
		sum += float64(node.Images[name]) * spread
	}
	most := float64(largeImage * len(c.Pod.Spec.Containers))
	return int64(scheduler.MaxScore * (min(max(sum, smallImage), most) - smallImage) / (most - smallImage))
}

// Normalize implements scheduler.Score: the points are in range already.
func (ImageLocality) Normalize(*scheduler.Cycle, []int64) {}

// Weight implements scheduler.Score.
func (ImageLocality) Weight() int64 { return 1 }

// withTag is an image's name as nodes report it.
func withTag(image string) string {
	if strings.LastIndex(image, ":") <= strings.LastIndex(image, "/") {
		return image + ":latest"
	}
	return image
}

package plugins

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/scheduler"
)

// ImageLocality prefers nodes that have the pod's images already. Small images
// do not count, and an image that few nodes have counts less, so that not
// everybody goes where somebody was first.
type ImageLocality struct{}

var (
	_ scheduler.PreScore = ImageLocality{}
	_ scheduler.Score    = ImageLocality{}
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

// A wantedImage is one of a pod's images and the share of the nodes that have it.
type wantedImage struct {
	name   string
	spread float64
}

// PreScore implements scheduler.PreScore: it works out for each of the pod's
// images on which share of the nodes it is.
func (p ImageLocality) PreScore(c *scheduler.Cycle, _ []*scheduler.NodeInfo) {
	var images []wantedImage
	for _, containers := range [][]corev1.Container{c.Pod.Spec.InitContainers, c.Pod.Spec.Containers} {
		for i := range containers {
			image, have := wantedImage{name: withTag(containers[i].Image)}, 0
			for _, node := range c.Snapshot.Nodes {
				if _, ok := node.Images[image.name]; ok {
					have++
				}
			}
			if have > 0 {
				image.spread = float64(have) / float64(len(c.Snapshot.Nodes))
				images = append(images, image)
			}
		}
	}
	c.Keep(p, images)
}

// Score implements scheduler.Score.
func (p ImageLocality) Score(c *scheduler.Cycle, node *scheduler.NodeInfo) int64 {
	var sum float64
	for _, image := range scheduler.Kept[[]wantedImage](c, p) {
		sum += float64(node.Images[image.name]) * image.spread
	}
	containers := len(c.Pod.Spec.Containers) + len(c.Pod.Spec.InitContainers)
	most := float64(largeImage * containers)
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

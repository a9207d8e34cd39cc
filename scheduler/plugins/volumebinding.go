package plugins

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/scheduler"
)

// selectedNode is the annotation by which the scheduler tells the provisioner of
// volumes where the first pod that uses the claim will run.
const selectedNode = "volume.kubernetes.io/selected-node"

// VolumeBinding keeps a pod to nodes that reach its volumes. A claim whose
// volume is made only for its first consumer (WaitForFirstConsumer) lets the pod
// go anywhere its storage class allows; before the pod is bound, the claim is
// told the node, and the volume waited for
// (https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode).
type VolumeBinding struct {
	client  *client.Client
	claims  *client.Informer[*corev1.PersistentVolumeClaim]
	volumes *client.Informer[*corev1.PersistentVolume]
	classes *client.Informer[*storagev1.StorageClass]
}

var (
	_ scheduler.PreFilter = (*VolumeBinding)(nil)
	_ scheduler.Filter    = (*VolumeBinding)(nil)
	_ scheduler.PreBinder = (*VolumeBinding)(nil)
	_ scheduler.Watcher   = (*VolumeBinding)(nil)
)

// NewVolumeBinding returns the plugin over informers that somebody runs.
func NewVolumeBinding(informers *client.Informers) *VolumeBinding {
	return &VolumeBinding{
		client:  informers.Client(),
		claims:  client.Shared[*corev1.PersistentVolumeClaim](informers),
		volumes: client.Shared[*corev1.PersistentVolume](informers),
		classes: client.Shared[*storagev1.StorageClass](informers),
	}
}

// Watch implements scheduler.Watcher.
func (p *VolumeBinding) Watch(changed func(scheduler.Change)) {
	p.claims.OnChange(func(_, _ *corev1.PersistentVolumeClaim) { changed(scheduler.VolumeChanged) })
	p.volumes.OnChange(func(_, _ *corev1.PersistentVolume) { changed(scheduler.VolumeChanged) })
	p.classes.OnChange(func(_, _ *storagev1.StorageClass) { changed(scheduler.VolumeChanged) })
}

// Name implements scheduler.Plugin.
func (*VolumeBinding) Name() string { return "VolumeBinding" }

// Helps implements scheduler.Plugin.
func (*VolumeBinding) Helps(c scheduler.Change) bool {
	return c == scheduler.VolumeChanged || c == scheduler.NodeAdded || c == scheduler.NodeChanged
}

// A podVolumes is what a pod's claims mean for the choice of a node.
type podVolumes struct {
	bound  []*corev1.PersistentVolume
	unmade []*storagev1.StorageClass // of claims to be bound once the node is known
}

// PreFilter implements scheduler.PreFilter.
func (p *VolumeBinding) PreFilter(c *scheduler.Cycle) *scheduler.Refusal {
	var found podVolumes
	for _, name := range claimNames(c.Pod.Pod) {
		claim, ok := p.claims.Get(c.Pod.Namespace, name)
		switch {
		case !ok:
			return scheduler.Refuse(p, fmt.Sprintf("persistentvolumeclaim %q not found", name))
		case claim.DeletionTimestamp != nil:
			return scheduler.Refuse(p, fmt.Sprintf("persistentvolumeclaim %q is being deleted", name))
		case claim.Spec.VolumeName != "" && claim.Status.Phase == corev1.ClaimBound:
			volume, ok := p.volumes.Get("", claim.Spec.VolumeName)
			if !ok {
				return scheduler.Refuse(p, fmt.Sprintf("persistentvolume %q not found", claim.Spec.VolumeName))
			}
			found.bound = append(found.bound, volume)
		default:
			class := p.class(claim)
			if class == nil || class.VolumeBindingMode == nil || *class.VolumeBindingMode != storagev1.VolumeBindingWaitForFirstConsumer {
				return scheduler.Refuse(p, "pod has unbound immediate PersistentVolumeClaims")
			}
			found.unmade = append(found.unmade, class)
		}
	}
	c.Keep(p, found)
	return nil
}

// Filter implements scheduler.Filter.
func (p *VolumeBinding) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	found := scheduler.Kept[podVolumes](c, p)
	for _, volume := range found.bound {
		affinity := volume.Spec.NodeAffinity
		if affinity != nil && affinity.Required != nil && !matchesSelector(affinity.Required, node.Node) {
			return scheduler.Refuse(p, "node(s) didn't match PersistentVolume's node affinity")
		}
	}
	for _, class := range found.unmade {
		if !inTopology(class.AllowedTopologies, node.Node) {
			return scheduler.Refuse(p, "node(s) did not have a topology that the storage class allows")
		}
	}
	return nil
}

// PreBind implements scheduler.PreBinder: it has the volumes made that waited
// for a node, and waits until they are bound.
func (p *VolumeBinding) PreBind(ctx context.Context, pod *corev1.Pod, node string) error {
	for _, name := range claimNames(pod) {
		if err := p.provision(ctx, pod.Namespace, name, node); err != nil {
			return fmt.Errorf("volume of claim %s: %w", name, err)
		}
	}
	return nil
}

func (p *VolumeBinding) provision(ctx context.Context, namespace, name, node string) error {
	claims := client.For[*corev1.PersistentVolumeClaim](p.client)
	if claim, ok := p.claims.Get(namespace, name); ok && claim.Status.Phase == corev1.ClaimBound {
		return nil
	}
	_, err := claims.Modify(ctx, namespace, name, func(claim *corev1.PersistentVolumeClaim) error {
		if claim.Spec.VolumeName == "" {
			if claim.Annotations == nil {
				claim.Annotations = map[string]string{}
			}
			claim.Annotations[selectedNode] = node
		}
		return nil
	})
	if err != nil {
		return err
	}
	for {
		if claim, ok := p.claims.Get(namespace, name); ok && claim.Status.Phase == corev1.ClaimBound {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("not bound in time: %w", ctx.Err())
		}
	}
}

func (p *VolumeBinding) class(claim *corev1.PersistentVolumeClaim) *storagev1.StorageClass {
	if claim.Spec.StorageClassName == nil {
		return nil
	}
	class, _ := p.classes.Get("", *claim.Spec.StorageClassName)
	return class
}

// claimNames are the claims that a pod uses; a volume of the pod's own
// (ephemeral) has a claim named after both.
func claimNames(pod *corev1.Pod) []string {
	var names []string
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		switch {
		case v.PersistentVolumeClaim != nil:
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			names = append(names, pod.Name+"-"+v.Name)
		}
	}
	return names
}

// inTopology reports whether a node is in one of the topologies; none means all.
func inTopology(terms []corev1.TopologySelectorTerm, node *corev1.Node) bool {
	if len(terms) == 0 {
		return true
	}
	for i := range terms {
		matches := true
		for _, r := range terms[i].MatchLabelExpressions {
			value, ok := node.Labels[r.Key]
			in := corev1.NodeSelectorRequirement{Operator: corev1.NodeSelectorOpIn, Values: r.Values}
			matches = matches && holds(&in, value, ok)
		}
		if matches {
			return true
		}
	}
	return false
}

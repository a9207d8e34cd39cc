package plugins

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/scheduler"
)

// VolumeBinding keeps a pod to nodes that reach its volumes. A claim that waits
// for its first consumer (WaitForFirstConsumer) has none yet: then the pod may
// go where there is a free volume for it, or where its storage class can have
// one made. Once the node is chosen, the volume is reserved or asked for, and
// waited for, before the pod is bound: see volumebinding_bind.go
// (https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode).
type VolumeBinding struct {
	client  *client.Client
	claims  *client.Informer[*corev1.PersistentVolumeClaim]
	volumes *client.Informer[*corev1.PersistentVolume]
	classes *client.Informer[*storagev1.StorageClass]
	news    *bell // of claims
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
		news:    newBell(),
	}
}

// Watch implements scheduler.Watcher.
func (p *VolumeBinding) Watch(changed func(scheduler.Change)) {
	p.claims.OnChange(func(_, _ *corev1.PersistentVolumeClaim) {
		p.news.ring()
		changed(scheduler.VolumeChanged)
	})
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
	bound   []*corev1.PersistentVolume
	unbound []unboundClaim
	free    []*corev1.PersistentVolume // some of which unbound claims may get
}

// An unboundClaim is one that waits for its first consumer.
type unboundClaim struct {
	*corev1.PersistentVolumeClaim
	class *storagev1.StorageClass
}

// noProvisioner is the provisioner of classes whose volumes people make.
const noProvisioner = "kubernetes.io/no-provisioner"

// PreFilter implements scheduler.PreFilter.
func (p *VolumeBinding) PreFilter(c *scheduler.Cycle) *scheduler.Refusal {
	names := claimNames(c.Pod.Pod)
	if len(names) == 0 {
		return nil
	}
	found := &podVolumes{}
	for _, name := range names {
		claim, ok := p.claims.Get(c.Pod.Namespace, name)
		if !ok {
			return scheduler.RefuseFinally(p, fmt.Sprintf("persistentvolumeclaim %q not found", name))
		}
		if reason := p.sort(c.Pod.Pod, claim, found); reason != "" {
			return scheduler.RefuseFinally(p, reason)
		}
	}
	if len(found.unbound) > 0 {
		found.free = p.volumes.List("", nil)
	}
	c.Keep(p, found)
	return nil
}

// sort puts a claim among the bound or the unbound ones, or says why it stands
// in the way.
func (p *VolumeBinding) sort(pod *corev1.Pod, claim *corev1.PersistentVolumeClaim, found *podVolumes) string {
	switch {
	case claim.DeletionTimestamp != nil:
		return fmt.Sprintf("persistentvolumeclaim %q is being deleted", claim.Name)
	case claim.Status.Phase == corev1.ClaimLost:
		return fmt.Sprintf("persistentvolumeclaim %q bound to non-existent persistentvolume %q", claim.Name, claim.Spec.VolumeName)
	case ofPod(pod, claim.Name) && !metav1.IsControlledBy(claim, pod):
		return fmt.Sprintf("PVC %q was not created for pod %q (pod is not owner)", claim.Name, pod.Name)
	case isBound(claim):
		volume, ok := p.volumes.Get("", claim.Spec.VolumeName)
		if !ok {
			return "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
		}
		found.bound = append(found.bound, volume)
	default:
		class := p.class(claim)
		waits := class != nil && class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
		if !waits || claim.Spec.VolumeName != "" {
			return "pod has unbound immediate PersistentVolumeClaims"
		}
		found.unbound = append(found.unbound, unboundClaim{claim, class})
	}
	return ""
}

func isBound(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Spec.VolumeName != "" && claim.Status.Phase == corev1.ClaimBound
}

// Filter implements scheduler.Filter.
func (p *VolumeBinding) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	found := scheduler.Kept[*podVolumes](c, p)
	if found == nil {
		return nil
	}
	for _, volume := range found.bound {
		if !reaches(node.Node, volume) {
			return scheduler.RefuseFinally(p, "node(s) didn't match PersistentVolume's node affinity")
		}
	}
	if _, ok := found.plan(node.Node); !ok {
		return scheduler.RefuseFinally(p, "node(s) didn't find available persistent volumes to bind")
	}
	return nil
}

// plan says for each unbound claim which volume it would get if the pod were on
// the node: a free one, or nil for one to be made. It reports whether each would
// get one.
func (v *podVolumes) plan(node *corev1.Node) ([]*corev1.PersistentVolume, bool) {
	out := make([]*corev1.PersistentVolume, len(v.unbound))
	taken := map[string]bool{}
	for i, claim := range v.unbound {
		if volume := smallest(claim.PersistentVolumeClaim, v.free, node, taken); volume != nil {
			out[i], taken[volume.Name] = volume, true
		} else if claim.class.Provisioner == noProvisioner || !inTopology(claim.class.AllowedTopologies, node) {
			return nil, false
		}
	}
	return out, true
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

// ofPod reports whether a claim is that of one of the pod's own volumes.
func ofPod(pod *corev1.Pod, claim string) bool {
	for i := range pod.Spec.Volumes {
		if v := &pod.Spec.Volumes[i]; v.Ephemeral != nil && pod.Name+"-"+v.Name == claim {
			return true
		}
	}
	return false
}

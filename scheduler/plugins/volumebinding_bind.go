package plugins

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
)

// selectedNode is the annotation by which the scheduler tells the provisioner of
// volumes where the first pod that uses the claim will run.
const selectedNode = "volume.kubernetes.io/selected-node"

// errTaken says that another claim got the volume first.
var errTaken = errors.New("the volume was taken by another claim")

// PreBind implements scheduler.PreBinder: it reserves or asks for the volumes
// that waited for a node, and waits until they are bound.
func (p *VolumeBinding) PreBind(ctx context.Context, pod *corev1.Pod, node string) error {
	names := claimNames(pod)
	if len(names) == 0 {
		return nil
	}
	nodeObject, err := client.For[*corev1.Node](p.client).Get(ctx, "", node)
	if err != nil {
		return fmt.Errorf("node of volumes: %w", err)
	}
	found := &podVolumes{free: p.volumes.List("", nil)}
	for _, name := range names {
		if claim, ok := p.claims.Get(pod.Namespace, name); !ok {
			return fmt.Errorf("claim %s: not found", name)
		} else if reason := p.sort(pod, claim, found); reason != "" {
			return fmt.Errorf("claim %s: %s", name, reason)
		}
	}
	volumes, ok := found.plan(nodeObject)
	if !ok {
		return fmt.Errorf("node %s: no volumes left to bind", node)
	}
	for i, claim := range found.unbound {
		if err := p.obtain(ctx, claim.PersistentVolumeClaim, volumes[i], node); err != nil {
			return fmt.Errorf("volume of claim %s: %w", claim.Name, err)
		}
	}
	for _, claim := range found.unbound {
		if err := p.await(ctx, claim.PersistentVolumeClaim, node); err != nil {
			return fmt.Errorf("volume of claim %s: %w", claim.Name, err)
		}
	}
	return nil
}

// obtain reserves a volume for the claim; without one it asks for one to be made.
func (p *VolumeBinding) obtain(ctx context.Context, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume, node string) error {
	if volume != nil {
		return p.reserve(ctx, claim, volume)
	}
	_, err := client.For[*corev1.PersistentVolumeClaim](p.client).Modify(ctx, claim.Namespace, claim.Name,
		func(claim *corev1.PersistentVolumeClaim) error {
			if claim.Spec.VolumeName == "" {
				if claim.Annotations == nil {
					claim.Annotations = map[string]string{}
				}
				claim.Annotations[selectedNode] = node
			}
			return nil
		})
	return err
}

// reserve writes the claim into the volume, upon which the binder of volumes
// does the rest.
func (p *VolumeBinding) reserve(ctx context.Context, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) error {
	_, err := client.For[*corev1.PersistentVolume](p.client).Modify(ctx, "", volume.Name, func(v *corev1.PersistentVolume) error {
		if !suffices(v, claim) {
			return errTaken
		}
		v.Spec.ClaimRef = &corev1.ObjectReference{
			APIVersion: "v1", Kind: "PersistentVolumeClaim",
			Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
		}
		if v.Annotations == nil {
			v.Annotations = map[string]string{}
		}
		v.Annotations["pv.kubernetes.io/bound-by-controller"] = "yes"
		return nil
	})
	return err
}

// await waits until the claim is bound. A provisioner that cannot make the volume
// there takes the node's name away again, or another one is written.
func (p *VolumeBinding) await(ctx context.Context, claim *corev1.PersistentVolumeClaim, node string) error {
	asked := false
	for {
		news := p.news.next()
		latest, ok := p.claims.Get(claim.Namespace, claim.Name)
		if !ok || latest.UID != claim.UID {
			return errors.New("the claim was deleted")
		}
		if isBound(latest) {
			return nil
		}
		asks := latest.Annotations[selectedNode] == node
		if asked && !asks {
			return fmt.Errorf("it cannot be made on node %s", node)
		}
		asked = asks
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("not bound in time: %w", ctx.Err())
		}
	}
}

// A bell wakes everybody who waits for something to change.
type bell struct {
	mu   sync.Mutex // guards the field below
	rung chan struct{}
}

func newBell() *bell { return &bell{rung: make(chan struct{})} }

// next returns a channel that the next ring closes.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.rung)
	b.rung = make(chan struct{})
}

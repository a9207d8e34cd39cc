package volume

import (
	"context"
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
)

// setUpClaim checks that a claim is bound to a volume of this node. The volume
// is used where it is.
func (m *Manager) setUpClaim(ctx context.Context, pod *corev1.Pod, v *corev1.Volume) error {
	_, pv, err := m.claim(ctx, pod, v)
	if err != nil {
		return err
	}
	switch {
	case pv.Spec.HostPath != nil:
		return setUpHostPath(pv.Spec.HostPath)
	case pv.Spec.Local != nil:
		if _, err := os.Stat(pv.Spec.Local.Path); err != nil {
			return fmt.Errorf("local volume %s: %w", pv.Name, err)
		}
		if m.group(pod) == nil {
			return nil
		}
		return m.open(pod, pv.Spec.Local.Path, 0o770)
	}
	return fmt.Errorf("volume %s is neither hostPath nor local, which is all this kubelet supports", pv.Name)
}

// claim returns the claim of a volume and what it is bound to.
func (m *Manager) claim(ctx context.Context, pod *corev1.Pod, v *corev1.Volume) (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume, error) {
	pvc, pv, err := m.Objects.Claim(ctx, pod.Namespace, claimName(pod, v))
	if err != nil {
		return nil, nil, err
	}
	ref := pv.Spec.ClaimRef
	switch {
	case ref == nil || ref.UID != pvc.UID:
		return nil, nil, fmt.Errorf("volume %s is not bound to claim %s", pv.Name, pvc.Name)
	case pv.Spec.VolumeMode != nil && *pv.Spec.VolumeMode == corev1.PersistentVolumeBlock:
		return nil, nil, errors.New("block volumes are not supported by this kubelet")
	}
	return pvc, pv, nil
}

// claimName is the claim that a volume refers to, or that is made for it alone.
func claimName(pod *corev1.Pod, v *corev1.Volume) string {
	if v.Ephemeral != nil {
		return pod.Name + "-" + v.Name
	}
	return v.PersistentVolumeClaim.ClaimName
}

// claimPath is where on the node the data of a bound claim is.
func claimPath(pv *corev1.PersistentVolume) string {
	if pv.Spec.HostPath != nil {
		return pv.Spec.HostPath.Path
	}
	return pv.Spec.Local.Path
}

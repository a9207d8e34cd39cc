package volume

import (
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
)

// setUpEmptyDir makes a folder that lives as long as the pod: on the node's
// disk, or in memory.
func (m *Manager) setUpEmptyDir(pod *corev1.Pod, v *corev1.Volume) error {
	dir := m.volumeDir(pod, v.Name)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	switch v.EmptyDir.Medium {
	case corev1.StorageMediumDefault:
	case corev1.StorageMediumMemory:
		if m.Plain {
			break
		}
		size := int64(0)
		if limit := v.EmptyDir.SizeLimit; limit != nil {
			size = limit.Value()
		}
		if err := mountTmpfs(dir, size); err != nil {
			os.Remove(dir)
			return fmt.Errorf("mount tmpfs: %w", err)
		}
	default:
		os.Remove(dir)
		return fmt.Errorf("medium %q is not supported by this kubelet", v.EmptyDir.Medium)
	}
	return m.open(pod, dir, 0o777)
}

// open gives a folder a mode, and to the pod's group if there is one.
func (m *Manager) open(pod *corev1.Pod, dir string, mode os.FileMode) error {
	if group := m.group(pod); group != nil {
		if err := chown(dir, nil, group); err != nil {
			return err
		}
		mode |= os.ModeSetgid | 0o070
	}
	return os.Chmod(dir, mode)
}

package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Mounts returns what to mount into a container. The volumes must have been set
// up. expand replaces $(NAME) in a subPathExpr; it fails for unknown names.
func (m *Manager) Mounts(ctx context.Context, pod *corev1.Pod, c *corev1.Container, expand func(string) (string, error)) ([]*cri.Mount, error) {
	var mounts []*cri.Mount
	for _, vm := range c.VolumeMounts {
		mount, err := m.mount(ctx, pod, vm, expand)
		if err != nil {
			return nil, fmt.Errorf("mount volume %q: %w", vm.Name, err)
		}
		mounts = append(mounts, mount)
	}
	if len(c.VolumeDevices) > 0 {
		return nil, errors.New("block volumes are not supported by this kubelet")
	}
	return mounts, nil
}

func (m *Manager) mount(ctx context.Context, pod *corev1.Pod, vm corev1.VolumeMount, expand func(string) (string, error)) (*cri.Mount, error) {
	source, readOnly, err := m.source(ctx, pod, vm.Name)
	if err != nil {
		return nil, err
	}
	sub := vm.SubPath
	if vm.SubPathExpr != "" {
		if sub, err = expand(vm.SubPathExpr); err != nil {
			return nil, err
		}
	}
	if sub != "" {
		if source, err = m.subPath(pod, source, sub); err != nil {
			return nil, fmt.Errorf("subPath %q: %w", sub, err)
		}
	}
	target := vm.MountPath
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return &cri.Mount{
		ContainerPath: target, HostPath: source, Readonly: readOnly || vm.ReadOnly,
		Propagation: propagation(vm.MountPropagation),
	}, nil
}

// source returns where on the node a volume is, and whether it must not be
// written to.
func (m *Manager) source(ctx context.Context, pod *corev1.Pod, name string) (string, bool, error) {
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		switch {
		case v.Name != name:
			continue
		case v.HostPath != nil:
			return v.HostPath.Path, false, nil
		case v.PersistentVolumeClaim != nil, v.Ephemeral != nil:
			_, pv, err := m.claim(ctx, pod, v)
			if err != nil {
				return "", false, err
			}
			readOnly := v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ReadOnly
			return claimPath(pv), readOnly, nil
		}
		return m.volumeDir(pod, name), m.payloadOf(v) != nil, nil
	}
	return "", false, errors.New("the pod has no such volume")
}

// subPath returns the real path of a file or folder in a volume. A folder that
// is absent is made. Neither ".." nor a symbolic link leads out of the volume.
func (m *Manager) subPath(pod *corev1.Pod, volume, sub string) (string, error) {
	if !filepath.IsLocal(filepath.FromSlash(sub)) {
		return "", errors.New("must be a relative path that does not contain '..'")
	}
	root, err := os.OpenRoot(volume)
	if err != nil {
		return "", err
	}
	defer root.Close()
	if _, err := root.Stat(sub); errors.Is(err, fs.ErrNotExist) {
		if err := root.MkdirAll(sub, 0o750); err != nil {
			return "", err
		}
		if err := m.open(pod, filepath.Join(volume, sub), 0o777); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	base, err := filepath.EvalSymlinks(volume)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(filepath.Join(base, sub))
	if err != nil {
		return "", err
	}
	if real != base && !strings.HasPrefix(real, base+string(filepath.Separator)) {
		return "", errors.New("leads out of the volume")
	}
	return real, nil
}

func propagation(given *corev1.MountPropagationMode) cri.MountPropagation {
	switch {
	case given != nil && *given == corev1.MountPropagationHostToContainer:
		return cri.MountPropagation_PROPAGATION_HOST_TO_CONTAINER
	case given != nil && *given == corev1.MountPropagationBidirectional:
		return cri.MountPropagation_PROPAGATION_BIDIRECTIONAL
	}
	return cri.MountPropagation_PROPAGATION_PRIVATE
}

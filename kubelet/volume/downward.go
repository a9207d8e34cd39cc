package volume

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/kubelet/env"
)

// downward gives the files of a downwardAPI volume: fields of the pod itself.
func (m *Manager) downward(items []corev1.DownwardAPIVolumeFile, mode os.FileMode) payloadFunc {
	return func(_ context.Context, pod *corev1.Pod) (Payload, time.Time, error) {
		files := Payload{}
		for _, item := range items {
			text, err := m.field(pod, item)
			if err != nil {
				return nil, time.Time{}, fmt.Errorf("file %q: %w", item.Path, err)
			}
			file := File{Data: []byte(text), Mode: mode}
			if item.Mode != nil {
				file.Mode = os.FileMode(*item.Mode)
			}
			files[item.Path] = file
		}
		return files, time.Time{}, nil
	}
}

func (m *Manager) field(pod *corev1.Pod, item corev1.DownwardAPIVolumeFile) (string, error) {
	switch {
	case item.FieldRef != nil:
		return env.Field(pod, item.FieldRef.FieldPath)
	case item.ResourceFieldRef != nil:
		return env.Resource(pod, nil, item.ResourceFieldRef, m.Allocatable)
	}
	return "", fmt.Errorf("it names neither a field nor a resource")
}

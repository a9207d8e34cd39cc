package volume

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// configMap gives the files of a configMap volume.
func (m *Manager) configMap(source *corev1.ConfigMapVolumeSource) payloadFunc {
	return func(ctx context.Context, pod *corev1.Pod) (Payload, time.Time, error) {
		optional := isSet(source.Optional)
		object, err := m.Objects.ConfigMap(ctx, pod.Namespace, source.Name)
		if err != nil {
			if optional && apierrors.IsNotFound(err) {
				return Payload{}, time.Time{}, nil
			}
			return nil, time.Time{}, err
		}
		data := map[string][]byte{}
		for key, value := range object.Data {
			data[key] = []byte(value)
		}
		for key, value := range object.BinaryData {
			data[key] = value
		}
		files, err := pick("ConfigMap "+pod.Namespace+"/"+source.Name, data, source.Items, mode(source.DefaultMode), optional)
		return files, time.Time{}, err
	}
}

// pick makes files of data: of all keys, or of those that items name.
func pick(what string, data map[string][]byte, items []corev1.KeyToPath, mode os.FileMode, optional bool) (Payload, error) {
	files := Payload{}
	if items == nil {
		for key, value := range data {
			files[key] = File{Data: value, Mode: mode}
		}
		return files, nil
	}
	for _, item := range items {
		value, ok := data[item.Key]
		if !ok {
			if optional {
				continue
			}
			return nil, fmt.Errorf("%s has no key %q", what, item.Key)
		}
		file := File{Data: value, Mode: mode}
		if item.Mode != nil {
			file.Mode = os.FileMode(*item.Mode)
		}
		files[item.Path] = file
	}
	return files, nil
}

func isSet(b *bool) bool { return b != nil && *b }

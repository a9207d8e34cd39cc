package volume

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// secret gives the files of a secret volume.
func (m *Manager) secret(source *corev1.SecretVolumeSource) payloadFunc {
	return func(ctx context.Context, pod *corev1.Pod) (Payload, time.Time, error) {
		optional := isSet(source.Optional)
		object, err := m.Objects.Secret(ctx, pod.Namespace, source.SecretName)
		if err != nil {
			if optional && apierrors.IsNotFound(err) {
				return Payload{}, time.Time{}, nil
			}
			return nil, time.Time{}, err
		}
		files, err := pick("Secret "+pod.Namespace+"/"+source.SecretName, object.Data, source.Items, mode(source.DefaultMode), optional)
		return files, time.Time{}, err
	}
}

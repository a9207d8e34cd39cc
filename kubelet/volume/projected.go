package volume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// projected gives the files of several sources in one volume. Where two give a
// file of one path, the later wins.
func (m *Manager) projected(volume string, source *corev1.ProjectedVolumeSource) payloadFunc {
	return func(ctx context.Context, pod *corev1.Pod) (Payload, time.Time, error) {
		all, next := Payload{}, time.Time{}
		for i := range source.Sources {
			from := m.projection(volume, i, &source.Sources[i], source.DefaultMode)
			if from == nil {
				return nil, next, fmt.Errorf("source %d: its type is not supported by this kubelet", i)
			}
			files, again, err := from(ctx, pod)
			if err != nil {
				return nil, next, err
			}
			maps.Copy(all, files)
			if !again.IsZero() && (next.IsZero() || again.Before(next)) {
				next = again
			}
		}
		return all, next, nil
	}
}

func (m *Manager) projection(volume string, index int, p *corev1.VolumeProjection, defaultMode *int32) payloadFunc {
	switch {
	case p.ConfigMap != nil:
		return m.configMap(&corev1.ConfigMapVolumeSource{
			LocalObjectReference: p.ConfigMap.LocalObjectReference,
			Items:                p.ConfigMap.Items, DefaultMode: defaultMode, Optional: p.ConfigMap.Optional,
		})
	case p.Secret != nil:
		return m.secret(&corev1.SecretVolumeSource{
			SecretName: p.Secret.Name,
			Items:      p.Secret.Items, DefaultMode: defaultMode, Optional: p.Secret.Optional,
		})
	case p.DownwardAPI != nil:
		return m.downward(p.DownwardAPI.Items, mode(defaultMode))
	case p.ServiceAccountToken != nil:
		return m.tokenFile(volume, index, p.ServiceAccountToken, mode(defaultMode))
	}
	return nil
}

// tokenFile gives the file of a service account token.
func (m *Manager) tokenFile(volume string, index int, source *corev1.ServiceAccountTokenProjection, mode os.FileMode) payloadFunc {
	return func(ctx context.Context, pod *corev1.Pod) (Payload, time.Time, error) {
		if pod.Spec.ServiceAccountName == "" {
			return nil, time.Time{}, errors.New("the pod has no service account")
		}
		key := tokenKey{pod: pod.UID, volume: volume, index: index}
		t, err := m.tokenFor(ctx, key, pod, source)
		if err != nil {
			return nil, time.Time{}, err
		}
		file := File{Data: []byte(t.text), Mode: mode}
		m.protectToken(pod, &file)
		return Payload{source.Path: file}, t.refresh, nil
	}
}

// protectToken lets no more users read a token than need to: with a group for
// volumes, the group; where all containers run as one user, that user.
func (m *Manager) protectToken(pod *corev1.Pod, file *File) {
	if m.Plain {
		return
	}
	if m.group(pod) != nil {
		file.Mode = 0o600
		return
	}
	if uid := commonUser(pod); uid != nil {
		file.Mode, file.UID = 0o600, uid
	}
}

// commonUser is the user that all containers of a pod are told to run as, or nil.
func commonUser(pod *corev1.Pod) *int64 {
	var of *int64
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			var uid *int64
			if sc := pod.Spec.SecurityContext; sc != nil {
				uid = sc.RunAsUser
			}
			if sc := list[i].SecurityContext; sc != nil && sc.RunAsUser != nil {
				uid = sc.RunAsUser
			}
			if uid == nil || of != nil && *of != *uid {
				return nil
			}
			of = uid
		}
	}
	return of
}

package kubelet

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// refreshRetry is when to try again after a volume could not be brought up to date.
const refreshRetry = 10 * time.Second

// A refresher keeps a pod's volumes up to date. It belongs to the worker's
// goroutine.
type refresher struct {
	dirty bool // something that a volume is made from may have changed
	busy  bool
	next  time.Time // zero: not worked out yet, or never
	known bool      // next is worked out
}

// refreshVolumes starts to bring the volumes up to date if something they are
// made from changed, or a token is due. It returns when the next one is.
func (w *worker) refreshVolumes(ctx context.Context) time.Time {
	r := &w.volumes
	if !w.prepared || r.busy || w.pod.DeletionTimestamp != nil || final(w.pod.Status.Phase) {
		return time.Time{}
	}
	due := r.dirty || !r.known || !r.next.IsZero() && !time.Now().Before(r.next)
	if !due {
		return r.next
	}
	r.dirty, r.busy, r.known = false, true, true
	pod := w.pod.DeepCopy()
	w.spawn(func() func() {
		next, err := w.k.volumes.Refresh(ctx, pod)
		return func() {
			r.busy, r.next = false, next
			if err != nil && ctx.Err() == nil {
				w.log.Warn("refresh volumes", "err", err)
				r.next = earliest(next, time.Now().Add(refreshRetry))
			}
		}
	})
	return time.Time{}
}

// An object that a pod refers to.
type reference struct{ kind, name string }

// hold makes the kubelet watch all objects that the pod refers to, until release
// is called: those that it has come to refer to since the last time, too.
func (w *worker) hold() {
	notify := func() {
		w.mu.Lock()
		w.changed = true
		w.mu.Unlock()
		w.wake()
	}
	hold := func(kind string, names []string, watch func(namespace, name string, notify func()) func()) {
		for _, name := range names {
			if ref := (reference{kind, name}); w.held[ref] == nil {
				w.held[ref] = watch(w.pod.Namespace, name, notify)
			}
		}
	}
	configMaps, secrets := references(w.pod)
	hold("ConfigMap", configMaps, w.k.configMaps.Hold)
	hold("Secret", secrets, w.k.secrets.Hold)
}

// release lets go of what hold holds.
func (w *worker) release() {
	for _, release := range w.held {
		release()
	}
}

// references are the names of the ConfigMaps and Secrets that a pod refers to,
// each once. Its spec comes to refer to others by ephemeral containers only.
func references(pod *corev1.Pod) (configMaps, secrets []string) {
	for _, ref := range pod.Spec.ImagePullSecrets {
		secrets = append(secrets, ref.Name)
	}
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.ConfigMap != nil:
			configMaps = append(configMaps, v.ConfigMap.Name)
		case v.Secret != nil:
			secrets = append(secrets, v.Secret.SecretName)
		case v.Projected != nil:
			for _, source := range v.Projected.Sources {
				if source.ConfigMap != nil {
					configMaps = append(configMaps, source.ConfigMap.Name)
				}
				if source.Secret != nil {
					secrets = append(secrets, source.Secret.Name)
				}
			}
		}
	}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers, podsync.EphemeralContainers(pod)} {
		for i := range list {
			a, b := containerReferences(&list[i])
			configMaps, secrets = append(configMaps, a...), append(secrets, b...)
		}
	}
	return unique(configMaps), unique(secrets)
}

func containerReferences(c *corev1.Container) (configMaps, secrets []string) {
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			configMaps = append(configMaps, from.ConfigMapRef.Name)
		}
		if from.SecretRef != nil {
			secrets = append(secrets, from.SecretRef.Name)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		if ref := e.ValueFrom.ConfigMapKeyRef; ref != nil {
			configMaps = append(configMaps, ref.Name)
		}
		if ref := e.ValueFrom.SecretKeyRef; ref != nil {
			secrets = append(secrets, ref.Name)
		}
	}
	return configMaps, secrets
}

func unique(names []string) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

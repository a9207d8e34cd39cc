package kubelet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
)

// debug adds an ephemeral container to a pod, as kubectl debug does.
func (w *world) debug(name string, c corev1.EphemeralContainer) {
	w.t.Helper()
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"ephemeralContainers": []any{c}}})
	require.NoError(w.t, err)
	_, err = client.For[*corev1.Pod](w.client).Patch(w.t.Context(), "default", name, types.StrategicMergePatchType, patch, "ephemeralcontainers")
	require.NoError(w.t, err)
}

func ephemeral(name, image string) corev1.EphemeralContainer {
	return corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: name, Image: image}}
}

// An ephemeral container runs once beside the others, and neither its end nor its
// image changes anything about the pod.
func TestKubelet_runs_an_ephemeral_container_once(t *testing.T) {
	inWorld(t, images, func(t *testing.T, w *world) {
		w.create(pod("web", container("web", "web:v1")))
		w.ready("web")
		w.debug("web", ephemeral("look", "bad:v1"))
		p := w.until("web", "has been looked at", func(p *corev1.Pod) bool {
			s := p.Status.EphemeralContainerStatuses
			return len(s) == 1 && s[0].State.Terminated != nil
		})
		require.EqualValues(t, 3, p.Status.EphemeralContainerStatuses[0].State.Terminated.ExitCode)
		// It may refer to what the pod did not refer to before.
		_, err := client.For[*corev1.ConfigMap](w.client).Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "late"}, Data: map[string]string{"k": "v"},
		})
		require.NoError(t, err)
		again := ephemeral("again", "pause:v1")
		again.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "late"},
		}}}
		w.debug("web", again)
		p = w.until("web", "is looked at", func(p *corev1.Pod) bool {
			s := p.Status.EphemeralContainerStatuses // a patch puts what is new in front
			return len(s) == 2 && s[0].Name == "again" && s[0].State.Running != nil
		})
		for _, s := range p.Status.EphemeralContainerStatuses {
			require.False(t, s.Ready)
			require.Zero(t, s.RestartCount)
		}
		require.Zero(t, p.Status.ContainerStatuses[0].RestartCount)
		require.True(t, isReady(p))
		require.Equal(t, corev1.PodRunning, p.Status.Phase)
		w.delete("web")
		w.eventually("the pod is gone", func() bool { return w.get("web") == nil })
	})
}

package kubelet_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
)

// Who names an image that is not there, or that cannot be, is told so by the
// pod's status and its events, with the name; the pod's other containers run.
func TestKubelet_says_what_is_wrong_with_an_image(t *testing.T) {
	never := container("never", "absent:v1")
	never.ImagePullPolicy = corev1.PullNever
	for _, test := range []struct {
		container corev1.Container
		first     string // the waiting reason at first, and later
		later     string
		message   string
		event     string
	}{
		{container("ghost", "ghost:v1"), "ErrImagePull", "ImagePullBackOff", `Back-off pulling image "ghost:v1"`, `image "ghost:v1"`},
		{never, "ErrImageNeverPull", "ErrImageNeverPull", `"absent:v1" is not present with pull policy of Never`, `"absent:v1" is not present`},
	} {
		inWorld(t, images, func(t *testing.T, w *world) {
			name := test.container.Name
			w.create(pod(name, test.container))
			w.until(name, test.first, func(p *corev1.Pod) bool { return waiting(p) == test.first })
			p := w.until(name, test.later, func(p *corev1.Pod) bool { return waiting(p) == test.later })
			require.Contains(t, p.Status.ContainerStatuses[0].State.Waiting.Message, test.message)
			require.Equal(t, corev1.PodPending, p.Status.Phase)

			events, err := client.For[*corev1.Event](w.client).List(t.Context(), "default", client.ListOptions{})
			require.NoError(t, err)
			var told []string
			for _, e := range events.Items {
				if e.Type == corev1.EventTypeWarning && e.Reason == "Failed" {
					told = append(told, e.Message)
				}
			}
			require.True(t, slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, test.event) }), "%q", told)
			require.Contains(t, told, "Error: "+test.first)
		})
	}
}

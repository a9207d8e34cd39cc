package podstate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/controller/podstate"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func readySince(at time.Time) *corev1.Pod {
	return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
		{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(at)},
	}}}
}

func ExampleAvailable() {
	pod := readySince(noon)
	fmt.Println(podstate.Available(pod, 30*time.Second, noon.Add(10*time.Second)))
	fmt.Println(podstate.Available(pod, 30*time.Second, noon.Add(30*time.Second)))

	// Output:
	// false 20s
	// true 0s
}

func TestAvailable(t *testing.T) {
	for _, c := range []struct {
		name string
		pod  *corev1.Pod
		min  time.Duration
		want bool
	}{
		{"never ready", &corev1.Pod{}, 0, false},
		{"ready is enough", readySince(noon), 0, true},
		{"since nobody knows when", readySince(time.Time{}), 0, true},
		{"which is not long enough", readySince(time.Time{}), time.Second, false},
		{"long enough", readySince(noon.Add(-time.Minute)), time.Minute, true},
	} {
		got, after := podstate.Available(c.pod, c.min, noon)
		require.Equal(t, c.want, got, c.name)
		require.Zero(t, after, c.name)
	}
}

func TestActive(t *testing.T) {
	running, failed, done, ending := readySince(noon), readySince(noon), readySince(noon), readySince(noon)
	failed.Status.Phase, done.Status.Phase = corev1.PodFailed, corev1.PodSucceeded
	ending.DeletionTimestamp = &metav1.Time{Time: noon}
	require.Equal(t, []*corev1.Pod{running}, podstate.Active([]*corev1.Pod{failed, running, done, ending}))
}

func TestFromTemplate(t *testing.T) {
	template := &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
	}
	owner := &metav1.ObjectMeta{Name: "web", UID: "u"}
	pod := podstate.FromTemplate(template, "default", owner, &metav1.OwnerReference{UID: "u"})
	require.Equal(t, "web-", pod.GenerateName)
	pod.Labels["a"], pod.Spec.Containers[0].Name = "changed", "changed"
	require.Equal(t, "b", template.Labels["a"], "the template is not the pod's")
	require.Equal(t, "app", template.Spec.Containers[0].Name)
}

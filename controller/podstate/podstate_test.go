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

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// readySince returns a pod that has been ready for so long at noon.
func readySince(ago time.Duration) *corev1.Pod {
	return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{
		Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(-ago)),
	}}}}
}

func Example() {
	pod := readySince(10 * time.Second)
	available, after := podstate.Available(pod, 30*time.Second, noon)
	fmt.Println("ready:", podstate.Ready(pod))
	fmt.Println("available:", available, "in", after)
	// Output:
	// ready: true
	// available: false in 20s
}

func TestAvailable(t *testing.T) {
	for name, test := range map[string]struct {
		pod      *corev1.Pod
		minReady time.Duration
		want     bool
		after    time.Duration
	}{
		"not ready":                  {&corev1.Pod{}, 0, false, 0},
		"ready is enough":            {readySince(0), 0, true, 0},
		"ready for just long enough": {readySince(time.Minute), time.Minute, true, 0},
		"a second is missing":        {readySince(59 * time.Second), time.Minute, false, time.Second},
	} {
		available, after := podstate.Available(test.pod, test.minReady, noon)
		require.Equal(t, test.want, available, name)
		require.Equal(t, test.after, after, name)
	}
}

func TestActive(t *testing.T) {
	deleted := readySince(0)
	deleted.DeletionTimestamp = &metav1.Time{Time: noon}
	failed := &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed}}
	done := &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodSucceeded}}
	pending := &corev1.Pod{}
	require.Equal(t, []*corev1.Pod{pending}, podstate.Active([]*corev1.Pod{deleted, failed, pending, done}))
}

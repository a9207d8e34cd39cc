package scheduler_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/scheduler"
)

// inQueue runs a test in a bubble with a queue in which plugin "fit" cares for
// deleted pods, and "taint" for changed nodes.
func inQueue(t *testing.T, test func(t *testing.T, q *testQueue)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, &testQueue{t, scheduler.NewQueue(func(plugin string, change scheduler.Change) bool {
			return plugin == "fit" && change == scheduler.PodDeleted || plugin == "taint" && change == scheduler.NodeChanged
		}), time.Now()})
	})
}

type testQueue struct {
	t *testing.T
	*scheduler.Queue
	began time.Time
}

func (q *testQueue) add(name string, args ...string) *corev1.Pod {
	pod, err := makePod(append([]string{name}, args...), "")
	require.NoError(q.t, err)
	q.Add(pod)
	return pod
}

// pops checks which pod comes next, and when: the time since the beginning.
func (q *testQueue) pops(name string, at time.Duration) {
	q.t.Helper()
	pod, err := q.Pop(q.t.Context())
	require.NoError(q.t, err)
	require.Equal(q.t, name, pod.Name)
	require.Equal(q.t, at, time.Since(q.began))
}

func (q *testQueue) popsNothingFor(d time.Duration) {
	q.t.Helper()
	ctx, cancel := context.WithTimeout(q.t.Context(), d)
	defer cancel()
	_, err := q.Pop(ctx)
	require.ErrorIs(q.t, err, context.DeadlineExceeded)
}

func TestQueue_Order(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		q.add("first")
		q.add("second")
		q.add("urgent", "priority=5")
		q.add("first") // It keeps its place.
		q.pops("urgent", 0)
		q.pops("first", 0)
		q.pops("second", 0)
		q.popsNothingFor(time.Hour)
	})
}

func TestQueue_BackoffDoubles(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		pod := q.add("a")
		at := time.Duration(0)
		for _, wait := range []time.Duration{0, 1, 2, 4, 8, 10, 10} {
			at += wait * time.Second
			q.pops("a", at)
			q.Failed(pod.UID)
		}
	})
}

func TestQueue_WaitsForHelp(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		pod := q.add("a")
		q.pops("a", 0)
		q.Refused(pod.UID, []string{"fit"})
		q.popsNothingFor(time.Minute)
		q.Changed(scheduler.NodeChanged) // No help.
		q.popsNothingFor(time.Minute)
		q.Changed(scheduler.PodDeleted)
		q.pops("a", 2*time.Minute) // Its back-off was over long ago.

		q.Refused(pod.UID, []string{"fit"})
		q.Changed(scheduler.PodDeleted)
		q.pops("a", 2*time.Minute+2*time.Second) // Helped, but it must back off.
	})
}

func TestQueue_TriesAgainWithoutHelp(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		pod := q.add("a")
		q.pops("a", 0)
		q.Refused(pod.UID, []string{"fit"})
		q.pops("a", 5*time.Minute)
	})
}

func TestQueue_HelpDuringTheCycleCounts(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		pod := q.add("a")
		q.Changed(scheduler.PodDeleted) // Before: the snapshot shows it.
		q.pops("a", 0)
		q.Refused(pod.UID, []string{"fit"})
		q.popsNothingFor(time.Minute)
		q.Changed(scheduler.PodDeleted)
		q.pops("a", time.Minute)
		q.Changed(scheduler.NodeChanged)
		q.Changed(scheduler.PodDeleted) // The snapshot may not show it.
		q.Refused(pod.UID, []string{"fit"})
		q.pops("a", time.Minute+2*time.Second)
	})
}

func TestQueue_ChangedPodIsTriedAgain(t *testing.T) {
	for _, during := range []bool{false, true} {
		inQueue(t, func(t *testing.T, q *testQueue) {
			pod := q.add("a")
			q.pops("a", 0)
			changed := pod.DeepCopy()
			changed.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
			if during {
				q.Add(changed)
			}
			q.Refused(pod.UID, []string{"taint"})
			if !during {
				status := pod.DeepCopy()
				status.Status.Message = "nothing to do with it"
				q.Add(status)
				q.popsNothingFor(2 * time.Second)
				q.Add(changed)
			}
			got, err := q.Pop(t.Context())
			require.NoError(t, err)
			require.Equal(t, changed, got)
			require.Less(t, time.Since(q.began), 3*time.Second)
		})
	}
}

func TestQueue_WithoutRefusersAnythingHelps(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		pod := q.add("a")
		q.pops("a", 0)
		q.Refused(pod.UID, nil) // There were no nodes.
		q.popsNothingFor(time.Minute)
		q.Changed(scheduler.NodeAdded)
		q.pops("a", time.Minute)
	})
}

func TestQueue_Remove(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		active, waiting, flying := q.add("active"), q.add("waiting", "priority=2"), q.add("flying", "priority=1")
		q.pops("waiting", 0)
		q.Refused(waiting.UID, []string{"fit"})
		q.pops("flying", 0)
		for _, pod := range []*corev1.Pod{active, waiting, flying} {
			q.Remove(pod.UID)
		}
		q.Refused(flying.UID, nil)
		q.Failed(flying.UID)
		q.Update(flying)
		q.Changed(scheduler.PodDeleted)
		require.Zero(t, q.Len())
		q.popsNothingFor(time.Hour)
	})
}

// A pod whose back-off is over goes before those of lower priority that have
// been there all along.
func TestQueue_PriorityCountsAfterBackoff(t *testing.T) {
	inQueue(t, func(t *testing.T, q *testQueue) {
		urgent := q.add("urgent", "priority=5")
		q.pops("urgent", 0)
		q.add("a")
		q.add("b")
		q.Failed(urgent.UID)
		q.pops("a", 0)
		time.Sleep(time.Second)
		q.pops("urgent", time.Second)
		q.pops("b", time.Second)
	})
}

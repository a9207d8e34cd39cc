package podsync_test

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// A pod whose container crashed for the third time: it waits.
func ExampleDecide() {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := corev1.Container{Name: "app", Image: "app:v1"}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u1"}}
	pod.Spec.Containers = []corev1.Container{c}
	plan := podsync.Decide(podsync.State{
		Pod: pod, Now: now, Prepared: true,
		Sandboxes: []podsync.Sandbox{{ID: "s", Ready: true}},
		Containers: []podsync.Container{{
			ID: "c2", Name: "app", SandboxID: "s", Attempt: 2, Hash: podsync.Hash(&c),
			State: podsync.Exited, ExitCode: 1, Started: now.Add(-time.Second), Finished: now,
		}},
		Memory: map[string]podsync.Memory{"app": {
			Hash: podsync.Hash(&c), Crash: podsync.Backoff{Delay: 20 * time.Second, At: now.Add(-time.Second)},
		}},
	})
	status := plan.Status.ContainerStatuses[0]
	fmt.Println(len(plan.Actions), "actions,", status.State.Waiting.Reason)
	fmt.Println(status.State.Waiting.Message)
	fmt.Println("look again in", plan.Wake.Sub(now))
	// Output:
	// 0 actions, CrashLoopBackOff
	// back-off 20s restarting failed container=app pod=web_default(u1)
	// look again in 20s
}

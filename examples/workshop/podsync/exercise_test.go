package podsync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	exercise "github.com/coracle-k8s/coracle/examples/workshop/podsync"
	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// A node of paper does at once whatever is decided, and writes it down.
type node struct {
	t     *testing.T
	state podsync.State
	done  []string
	plan  podsync.Plan
}

func newNode(t *testing.T, policy corev1.RestartPolicy, init ...string) *node {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "u1"}}
	pod.Spec.RestartPolicy = policy
	for _, name := range init {
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: name, Image: name})
	}
	pod.Spec.Containers = []corev1.Container{{Name: "app", Image: "app"}}
	return &node{t: t, state: podsync.State{Pod: pod, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}
}

// settle decides and does until there is nothing more to do.
func (n *node) settle() []string {
	n.t.Helper()
	n.done = nil
	for range 30 {
		n.plan = exercise.Decide(n.state)
		n.state.Memory, n.state.Pod.Status = n.plan.Memory, n.plan.Status
		if len(n.plan.Actions) == 0 {
			return n.done
		}
		for _, a := range n.plan.Actions {
			n.do(a)
		}
	}
	n.t.Fatalf("there is always something more to do: %v", n.done)
	return nil
}

func (n *node) do(a podsync.Action) {
	switch a := a.(type) {
	case podsync.Prepare:
		n.state.Prepared = true
		n.done = append(n.done, "prepare")
	case podsync.CreateSandbox:
		n.state.Sandboxes = append(n.state.Sandboxes, podsync.Sandbox{ID: "s", Ready: true, Created: n.state.Now})
		n.done = append(n.done, "sandbox")
	case podsync.StopSandbox:
		n.state.Sandboxes[0].Ready = false
		n.done = append(n.done, "stop sandbox")
	case podsync.RemoveSandbox:
		n.state.Sandboxes = nil
	case podsync.StartContainer:
		n.state.Containers = append(n.state.Containers, podsync.Container{
			ID: fmt.Sprint(a.Name, a.Attempt), Name: a.Name, SandboxID: a.SandboxID, Attempt: a.Attempt, Image: a.Name,
			Hash: podsync.Hash(&corev1.Container{Name: a.Name, Image: a.Name}), State: podsync.Running,
			Created: n.state.Now, Started: n.state.Now,
		})
		n.done = append(n.done, "start "+a.Name)
	case podsync.StopContainer:
		n.exit(a.Name, 0)
		n.done = append(n.done, "stop "+a.Name)
	case podsync.RemoveContainer:
		for i, c := range n.state.Containers {
			if c.ID == a.ID {
				n.state.Containers = append(n.state.Containers[:i:i], n.state.Containers[i+1:]...)
				return
			}
		}
	}
}

// exit ends the running container of a name, a second later.
func (n *node) exit(name string, code int) {
	n.state.Now = n.state.Now.Add(time.Second)
	for i := range n.state.Containers {
		if c := &n.state.Containers[i]; c.Name == name && c.State == podsync.Running {
			c.State, c.ExitCode, c.Finished = podsync.Exited, code, n.state.Now
		}
	}
}

func TestDecide_theOrderOfThings(t *testing.T) {
	n := newNode(t, corev1.RestartPolicyAlways, "first", "second")
	require.Equal(t, []string{"prepare", "sandbox", "start first"}, n.settle())
	n.exit("first", 0)
	require.Equal(t, []string{"start second"}, n.settle())
	n.exit("second", 0)
	require.Equal(t, []string{"start app"}, n.settle())
	require.Equal(t, corev1.PodRunning, n.plan.Status.Phase)
}

func TestDecide_restarts(t *testing.T) {
	n := newNode(t, corev1.RestartPolicyAlways)
	n.settle()
	n.exit("app", 1)
	require.Equal(t, []string{"start app"}, n.settle(), "the first time at once")
	n.exit("app", 1)
	require.Empty(t, n.settle(), "then with a back-off")
	require.Equal(t, 10*time.Second, n.plan.Wake.Sub(n.state.Now).Round(time.Second))
	n.state.Now = n.plan.Wake
	require.Equal(t, []string{"start app"}, n.settle())
	require.EqualValues(t, 2, n.plan.Status.ContainerStatuses[0].RestartCount)
}

func TestDecide_restartPolicies(t *testing.T) {
	for _, test := range []struct {
		policy corev1.RestartPolicy
		code   int
		again  bool
		phase  corev1.PodPhase
	}{
		{corev1.RestartPolicyNever, 0, false, corev1.PodSucceeded},
		{corev1.RestartPolicyNever, 1, false, corev1.PodFailed},
		{corev1.RestartPolicyOnFailure, 0, false, corev1.PodSucceeded},
		{corev1.RestartPolicyOnFailure, 1, true, corev1.PodRunning},
		{corev1.RestartPolicyAlways, 0, true, corev1.PodRunning},
	} {
		n := newNode(t, test.policy)
		n.settle()
		n.exit("app", test.code)
		done := n.settle()
		require.Equal(t, test.again, len(done) > 0 && done[0] == "start app", "%s, exit code %d: %v", test.policy, test.code, done)
		require.Equal(t, test.phase, n.plan.Status.Phase, "%s, exit code %d", test.policy, test.code)
	}
}

func TestDecide_theEnd(t *testing.T) {
	n := newNode(t, corev1.RestartPolicyAlways)
	n.settle()
	require.False(t, n.plan.Stopped)
	now, grace := metav1.NewTime(n.state.Now), int64(30)
	n.state.Pod.DeletionTimestamp, n.state.Pod.DeletionGracePeriodSeconds, n.state.EndingSince = &now, &grace, n.state.Now
	require.Equal(t, []string{"stop app", "stop sandbox"}, n.settle())
	require.True(t, n.plan.Stopped)
}

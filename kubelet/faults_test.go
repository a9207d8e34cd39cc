package kubelet_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/runtime"
)

// A faulty runtime fails the calls that it is told to fail.
type faulty struct {
	runtime.Runtime
	mu     sync.Mutex
	broken map[string]bool
}

func (f *faulty) set(calls ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = map[string]bool{}
	for _, c := range calls {
		f.broken[c] = true
	}
}

func (f *faulty) check(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken[call] {
		return status.Errorf(codes.Unavailable, "%s is broken", call)
	}
	return nil
}

func (f *faulty) RunPodSandbox(ctx context.Context, r *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	if err := f.check("RunPodSandbox"); err != nil {
		return nil, err
	}
	return f.Runtime.RunPodSandbox(ctx, r)
}

func (f *faulty) StopContainer(ctx context.Context, r *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	if err := f.check("StopContainer"); err != nil {
		return nil, err
	}
	return f.Runtime.StopContainer(ctx, r)
}

func (f *faulty) CreateContainer(ctx context.Context, r *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	if err := f.check("CreateContainer"); err != nil {
		return nil, err
	}
	return f.Runtime.CreateContainer(ctx, r)
}

func (f *faulty) ListContainers(ctx context.Context, r *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	if err := f.check("ListContainers"); err != nil {
		return nil, err
	}
	return f.Runtime.ListContainers(ctx, r)
}

func (f *faulty) RemovePodSandbox(ctx context.Context, r *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	if err := f.check("RemovePodSandbox"); err != nil {
		return nil, err
	}
	return f.Runtime.RemovePodSandbox(ctx, r)
}

func (f *faulty) Status(ctx context.Context, r *cri.StatusRequest) (*cri.StatusResponse, error) {
	if err := f.check("Status"); err != nil {
		return nil, err
	}
	return f.Runtime.Status(ctx, r)
}

func (f *faulty) GetContainerEvents(r *cri.GetEventsRequest, s cri.RuntimeService_GetContainerEventsServer) error {
	if f.check("GetContainerEvents") != nil {
		return status.Error(codes.Unimplemented, "no events here")
	}
	return f.Runtime.GetContainerEvents(r, s)
}

// inFaultyWorld is inWorld with a runtime that fails some calls from the start.
func inFaultyWorld(t *testing.T, test func(t *testing.T, w *world, f *faulty), broken ...string) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir, images)
		f := &faulty{Runtime: w.runtime}
		f.set(broken...)
		w.config.Runtime = f
		w.start()
		test(t, w, f)
	})
}

func TestKubelet_tries_again_when_the_runtime_fails(t *testing.T) {
	inFaultyWorld(t, func(t *testing.T, w *world, f *faulty) {
		w.create(pod("web", container("web", "web:v1")))
		w.eventually("it complains", func() bool { return contains(w.events("web"), "FailedCreatePodSandBox") })
		require.Equal(t, corev1.PodPending, w.get("web").Status.Phase)
		f.set("CreateContainer")
		w.until("web", "cannot be created", func(p *corev1.Pod) bool { return waiting(p) == "CreateContainerError" })
		w.until("web", "backs off", func(p *corev1.Pod) bool { return waiting(p) == "CrashLoopBackOff" })
		f.set()
		p := w.ready("web")
		require.Zero(t, p.Status.ContainerStatuses[0].RestartCount, "what was never made was not restarted")

		// It is not said to be gone while it may still run.
		f.set("StopContainer")
		w.delete("web")
		time.Sleep(5 * time.Minute)
		require.NotNil(t, w.get("web"))
		f.set("ListContainers")
		time.Sleep(time.Minute)
		require.NotNil(t, w.get("web"))
		f.set("RemovePodSandbox")
		w.eventually("the pod is gone", func() bool { return w.get("web") == nil })
		f.set()
		time.Sleep(10 * time.Second)
		list, err := w.runtime.ListPodSandbox(t.Context(), &cri.ListPodSandboxRequest{})
		require.NoError(t, err)
		require.Empty(t, list.Items)
	}, "RunPodSandbox")
}

func TestKubelet_is_not_ready_when_the_runtime_is_not(t *testing.T) {
	inFaultyWorld(t, func(t *testing.T, w *world, f *faulty) {
		ready := func() corev1.NodeCondition {
			node, err := client.For[*corev1.Node](w.client).Get(t.Context(), "", "n1")
			require.NoError(t, err)
			for _, c := range node.Status.Conditions {
				if c.Type == corev1.NodeReady {
					return c
				}
			}
			return corev1.NodeCondition{}
		}
		f.set("Status")
		w.eventually("the node is not ready", func() bool { return ready().Status == corev1.ConditionFalse })
		require.Contains(t, ready().Message, "container runtime is down")
		f.set()
		w.eventually("the node is ready again", func() bool { return ready().Status == corev1.ConditionTrue })
	})
}

// A runtime without events is asked every second.
func TestKubelet_works_without_events(t *testing.T) {
	inFaultyWorld(t, func(t *testing.T, w *world, _ *faulty) {
		w.create(pod("crash", container("c", "bad:v1")))
		began := time.Now()
		w.until("crash", "was restarted", func(p *corev1.Pod) bool {
			return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount == 1
		})
		require.Less(t, time.Since(began), 4*time.Second)
	}, "GetContainerEvents")
}

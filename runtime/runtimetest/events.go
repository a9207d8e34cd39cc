package runtimetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// eventStream is the server's end of GetContainerEvents, in process.
type eventStream struct {
	grpc.ServerStream
	ctx context.Context
	mu  sync.Mutex
	got map[string][]cri.ContainerEventType
}

func (s *eventStream) Context() context.Context { return s.ctx }

func (s *eventStream) Send(e *cri.ContainerEventResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got[e.ContainerId] = append(s.got[e.ContainerId], e.ContainerEventType)
	return nil
}

func (s *eventStream) of(id string) []cri.ContainerEventType {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[id]
}

func testEvents(t *testing.T, k *kit) {
	ctx, cancel := context.WithCancel(t.Context())
	stream := &eventStream{ctx: ctx, got: map[string][]cri.ContainerEventType{}}
	done := make(chan error, 1)
	go func() { done <- k.rt.GetContainerEvents(&cri.GetEventsRequest{}, stream) }()
	k.waitFollowing(stream)

	p := k.pod("events")
	id := p.run("main", k.cmd.Exit(3)).Id
	_, err := k.rt.RemoveContainer(t.Context(), &cri.RemoveContainerRequest{ContainerId: id})
	require.NoError(t, err)
	waitFor(t, "four events", func() bool { return len(stream.of(id)) >= 4 })
	require.Equal(t, []cri.ContainerEventType{
		cri.ContainerEventType_CONTAINER_CREATED_EVENT,
		cri.ContainerEventType_CONTAINER_STARTED_EVENT,
		cri.ContainerEventType_CONTAINER_STOPPED_EVENT,
		cri.ContainerEventType_CONTAINER_DELETED_EVENT,
	}, stream.of(id))
	cancel()
	require.Error(t, receive(t, done, "GetContainerEvents to return when its context ends"))
}

// waitFollowing makes pods until the stream tells of one: from then on it
// misses nothing.
func (k *kit) waitFollowing(stream *eventStream) {
	for n := 0; ; n++ {
		p := k.pod(fmt.Sprintf("first-%d", n))
		for begin := time.Now(); time.Since(begin) < time.Second; time.Sleep(5 * time.Millisecond) {
			if len(stream.of(p.id)) > 0 {
				return
			}
		}
		require.Less(k.t, n, 30, "GetContainerEvents tells of a sandbox")
	}
}

func testManyPods(t *testing.T, k *kit) {
	const n = 16
	ids, ips := make([]string, n), make([]string, n)
	var group errgroup.Group
	for i := range n {
		config := k.newSandboxConfig(fmt.Sprintf("many-%d", i))
		group.Go(func() (err error) {
			ids[i], ips[i], err = k.onePod(t.Context(), config, i)
			return err
		})
	}
	err := group.Wait()
	for _, id := range ids {
		if id != "" {
			defer k.removeSandbox(id)
		}
	}
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, id := range append(ids, ips...) {
		require.False(t, seen[id] && id != "", "%s is there once", id)
		seen[id] = true
	}
}

// onePod runs a pod whose container exits with code i.
func (k *kit) onePod(ctx context.Context, config *cri.PodSandboxConfig, i int) (id, ip string, err error) {
	sandbox, err := k.rt.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		return "", "", fmt.Errorf("run pod %d: %w", i, err)
	}
	id = sandbox.PodSandboxId
	s, err := k.rt.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id})
	if err != nil {
		return id, "", fmt.Errorf("status of pod %d: %w", i, err)
	}
	created, err := k.rt.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: id, Config: k.containerConfig("main", k.cmd.Exit(i)), SandboxConfig: config,
	})
	if err != nil {
		return id, "", fmt.Errorf("create in pod %d: %w", i, err)
	}
	if _, err := k.rt.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: created.ContainerId}); err != nil {
		return id, "", fmt.Errorf("start in pod %d: %w", i, err)
	}
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(5 * time.Millisecond) {
		status, err := k.rt.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: created.ContainerId})
		if err != nil {
			return id, "", fmt.Errorf("status in pod %d: %w", i, err)
		}
		if status.Status.State == cri.ContainerState_CONTAINER_EXITED {
			if status.Status.ExitCode != int32(i) {
				return id, "", fmt.Errorf("pod %d has exit code %d", i, status.Status.ExitCode)
			}
			return id, s.GetStatus().GetNetwork().GetIp(), nil
		}
	}
	return id, "", fmt.Errorf("pod %d did not end in %v", i, patience)
}

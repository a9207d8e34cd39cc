package runtimetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// killed is the exit code of a process that SIGKILL ended: 128 + 9.
const killed = 137

func testStopGrace(t *testing.T, k *kit) {
	p := k.pod("grace")
	id := p.start("main", k.cmd.Sleep)
	p.waitReady("main")
	begin := time.Now()
	k.stop(id, 3600)
	require.Less(t, time.Since(begin), time.Hour, "StopContainer waits for the process, not for the time")
	s := k.status(id)
	require.Equal(t, cri.ContainerState_CONTAINER_EXITED, s.State, "when StopContainer returns")
	require.NotEqualValues(t, killed, s.ExitCode, "the process ended by itself")
}

func testStopKills(t *testing.T, k *kit) {
	p := k.pod("kills")
	id := p.start("main", k.cmd.Stubborn)
	p.waitReady("main")
	begin := time.Now()
	k.stop(id, 1)
	require.GreaterOrEqual(t, time.Since(begin), time.Second, "the grace period is waited for")
	s := k.status(id)
	require.Equal(t, cri.ContainerState_CONTAINER_EXITED, s.State)
	require.EqualValues(t, killed, s.ExitCode)
}

func testStopAtOnce(t *testing.T, k *kit) {
	p := k.pod("at-once")
	id := p.start("main", k.cmd.Stubborn)
	p.waitReady("main")
	k.stop(id, 0)
	s := k.status(id)
	require.Equal(t, cri.ContainerState_CONTAINER_EXITED, s.State)
	require.EqualValues(t, killed, s.ExitCode)
}

func testStopGivenUp(t *testing.T, k *kit) {
	p := k.pod("given-up")
	id := p.start("main", k.cmd.Stubborn)
	p.waitReady("main")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := k.rt.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: 3600})
	requireCode(t, codes.DeadlineExceeded, err, "StopContainer with a context that ends first")
	require.Equal(t, cri.ContainerState_CONTAINER_RUNNING, k.status(id).State)
	k.stop(id, 0)
}

func testStopExited(t *testing.T, k *kit) {
	s := k.pod("exited").run("main", k.cmd.Exit(7))
	k.stop(s.Id, 10)
	after := k.status(s.Id)
	require.EqualValues(t, 7, after.ExitCode)
	require.Equal(t, s.FinishedAt, after.FinishedAt)
}

func testRemoveRunning(t *testing.T, k *kit) {
	p := k.pod("remove")
	id := p.start("main", k.cmd.Stubborn)
	p.waitReady("main")
	_, err := k.rt.RemoveContainer(t.Context(), &cri.RemoveContainerRequest{ContainerId: id})
	require.NoError(t, err)
	_, err = k.rt.ContainerStatus(t.Context(), &cri.ContainerStatusRequest{ContainerId: id})
	requireCode(t, codes.NotFound, err, "ContainerStatus of a removed container")
}

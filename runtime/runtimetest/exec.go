package runtimetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

func testExecSync(t *testing.T, k *kit) {
	id := k.pod("exec").start("main", k.cmd.Sleep)
	resp, err := k.rt.ExecSync(t.Context(), &cri.ExecSyncRequest{
		ContainerId: id, Cmd: k.cmd.Print("out\n", "err\n"), Timeout: 30,
	})
	require.NoError(t, err)
	require.Equal(t, "out\n", string(resp.Stdout))
	require.Equal(t, "err\n", string(resp.Stderr))
	require.Zero(t, resp.ExitCode)

	resp, err = k.rt.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: k.cmd.Exit(42)})
	require.NoError(t, err, "an exit code is no error")
	require.EqualValues(t, 42, resp.ExitCode)
}

func testExecSyncTimeout(t *testing.T, k *kit) {
	id := k.pod("exec-timeout").start("main", k.cmd.Sleep)
	_, err := k.rt.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: k.cmd.Stubborn, Timeout: 1})
	requireCode(t, codes.DeadlineExceeded, err, "ExecSync of a command that does not end")
	require.Equal(t, cri.ContainerState_CONTAINER_RUNNING, k.status(id).State)
}

func testExecRefused(t *testing.T, k *kit) {
	p := k.pod("exec-refused")
	running := p.start("running", k.cmd.Sleep)
	resp, err := k.rt.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: running, Cmd: []string{"/no/such/command"}})
	require.True(t, err != nil || resp.ExitCode != 0, "ExecSync of a command that is not there: %v", resp)

	exited := p.run("exited", k.cmd.Exit(0))
	_, err = k.rt.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: exited.Id, Cmd: k.cmd.Exit(0)})
	require.Error(t, err, "ExecSync in an exited container")
	created := p.create(p.containerConfig("created", k.cmd.Sleep))
	_, err = k.rt.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: created, Cmd: k.cmd.Exit(0)})
	require.Error(t, err, "ExecSync in a created container")
	err = k.rt.StreamExec(t.Context(), created, k.cmd.Exit(0), false, runtime.Streams{Stdout: io.Discard})
	require.Error(t, err, "StreamExec in a created container")
}

func testExecStream(t *testing.T, k *kit) {
	id := k.pod("exec-stream").start("main", k.cmd.Sleep)
	text := strings.Repeat("all of the input comes back\n", 10_000)
	var stdout, stderr bytes.Buffer
	err := k.rt.StreamExec(t.Context(), id, k.cmd.Echo, false,
		runtime.Streams{Stdin: strings.NewReader(text), Stdout: &stdout, Stderr: &stderr})
	require.NoError(t, err)
	require.Equal(t, len(text), stdout.Len())
	require.Equal(t, text, stdout.String())
	require.Empty(t, stderr.String())

	stdout.Reset()
	err = k.rt.StreamExec(t.Context(), id, k.cmd.Print("out", "err"), false, runtime.Streams{Stdout: &stdout, Stderr: &stderr})
	require.NoError(t, err)
	require.Equal(t, "out", stdout.String())
	require.Equal(t, "err", stderr.String())

	err = k.rt.StreamExec(t.Context(), id, k.cmd.Exit(42), false, runtime.Streams{Stdout: &stdout})
	exit, ok := errors.AsType[*runtime.ExitError](err)
	require.True(t, ok, "StreamExec of exit 42 gives an ExitError, not %v", err)
	require.Equal(t, 42, exit.Code)
}

func testExecCancelled(t *testing.T, k *kit) {
	id := k.pod("exec-cancelled").start("main", k.cmd.Sleep)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var output lineWatch
	done := make(chan error, 1)
	go func() {
		done <- k.rt.StreamExec(ctx, id, k.cmd.Stubborn, false, runtime.Streams{Stdout: &output})
	}()
	waitFor(t, "the command to print ready", func() bool { return strings.Contains(output.String(), "ready") })
	cancel()
	require.Error(t, receive(t, done, "StreamExec to return"))
	require.Equal(t, cri.ContainerState_CONTAINER_RUNNING, k.status(id).State)
}

func testExecEndsWithContainer(t *testing.T, k *kit) {
	id := k.pod("exec-ends").start("main", k.cmd.Sleep)
	var output lineWatch
	done := make(chan error, 1)
	go func() {
		done <- k.rt.StreamExec(t.Context(), id, k.cmd.Stubborn, false, runtime.Streams{Stdout: &output})
	}()
	waitFor(t, "the command to print ready", func() bool { return strings.Contains(output.String(), "ready") })
	k.stop(id, 0)
	require.Error(t, receive(t, done, "StreamExec to return"))
}

// lineWatch is a buffer that can be read while it is written.
type lineWatch struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *lineWatch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

func (w *lineWatch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func receive(t *testing.T, from <-chan error, what string) error {
	t.Helper()
	select {
	case err := <-from:
		return err
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		return nil
	}
}

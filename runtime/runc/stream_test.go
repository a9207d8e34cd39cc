//go:build linux

package runc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	waitTime = 20 * time.Second
	tick     = 5 * time.Millisecond
)

// A watched is a buffer that can be read while it is written.
type watched struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// attachLine attaches to a container of "tool lines", types a line and returns the
// answer.
func (b *bench) attachLine(id, line string) string {
	b.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	var out watched
	in, typed := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- b.r.StreamAttach(ctx, id, false, runtime.Streams{Stdin: in, Stdout: &out}) }()
	_, err := typed.Write([]byte(line))
	require.NoError(b, err)
	require.Eventually(b, func() bool { return strings.HasSuffix(out.String(), "\n") }, waitTime, tick)
	cancel()
	require.ErrorIs(b, <-done, context.Canceled)
	require.NoError(b, typed.Close())
	return out.String()
}

func TestExec(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	id := b.create(sandbox, sc, toolConfig("sleep"))
	b.start(id)

	resp, err := b.r.ExecSync(b.ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"tool", "both"}})
	require.NoError(t, err)
	require.Equal(t, "to stdout\n", string(resp.Stdout))
	require.Equal(t, "to stderr\n", string(resp.Stderr))

	_, err = b.r.ExecSync(b.ctx, &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"/no/such"}})
	require.ErrorContains(t, err, "no such file or directory")

	var out bytes.Buffer
	err = b.r.StreamExec(b.ctx, id, []string{"tool", "cat"}, false, runtime.Streams{Stdin: strings.NewReader("round\n"), Stdout: &out})
	require.NoError(t, err)
	require.Equal(t, "round\n", out.String())

	err = b.r.StreamExec(b.ctx, id, []string{"tool", "exit", "3"}, false, runtime.Streams{})
	var exit *runtime.ExitError
	require.True(t, errors.As(err, &exit))
	require.Equal(t, 3, exit.Code)
}

func TestExec_terminal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	id := b.create(sandbox, sc, toolConfig("sleep"))
	b.start(id)
	sizes := make(chan runtime.TerminalSize, 1)
	var out watched
	done := make(chan error, 1)
	go func() {
		done <- b.r.StreamExec(b.ctx, id, []string{"tool", "winsize"}, true, runtime.Streams{Stdout: &out, Resize: sizes})
	}()
	sizes <- runtime.TerminalSize{Width: 100, Height: 40}
	require.NoError(t, <-done)
	require.Equal(t, "40x100\r\n", out.String())
}

func TestAttach_terminal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	config := toolConfig("winsize")
	config.Tty, config.Stdin = true, true
	id := b.create(sandbox, sc, config)
	b.start(id)
	sizes := make(chan runtime.TerminalSize, 1)
	sizes <- runtime.TerminalSize{Width: 100, Height: 40}
	var out watched
	require.NoError(t, b.r.StreamAttach(b.ctx, id, true, runtime.Streams{Stdout: &out, Resize: sizes}))
	require.Equal(t, "40x100\r\n", out.String())
	require.Zero(t, b.wait(id).ExitCode)
}

func TestAttach_stdin_once(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	config := toolConfig("cat")
	config.Stdin, config.StdinOnce = true, true
	id := b.create(sandbox, sc, config)
	b.start(id)
	var out watched
	require.NoError(t, b.r.StreamAttach(b.ctx, id, false, runtime.Streams{Stdin: strings.NewReader("all of it"), Stdout: &out}))
	require.Equal(t, "all of it", out.String())
	require.Equal(t, "all of it", b.output(b.wait(id).LogPath, "stdout"))
}

func TestPortForward(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sandbox, sc := b.sandbox()
	id := b.create(sandbox, sc, toolConfig("serve", "8080"))
	b.start(id)
	b.waitOutput(id, "ready")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // a test's listener
	done := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		done <- b.r.StreamPortForward(b.ctx, sandbox, 8080, conn)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	_, err = conn.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "HELLO", string(answer))
	require.NoError(t, <-done)
	require.NoError(t, conn.Close())

	ours, _ := net.Pipe()
	require.ErrorContains(t, b.r.StreamPortForward(b.ctx, sandbox, 9, ours), "connection refused")
}

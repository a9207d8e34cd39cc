package runtimetest

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/runtime"
)

func testAttach(t *testing.T, k *kit) {
	p := k.pod("attach")
	config := p.containerConfig("main", k.cmd.Echo)
	config.Stdin, config.StdinOnce = true, true
	id := p.startConfig(config)

	input, typed := io.Pipe()
	var output lineWatch
	done := make(chan error, 1)
	go func() {
		done <- k.rt.StreamAttach(t.Context(), id, false, runtime.Streams{Stdin: input, Stdout: &output, Stderr: io.Discard})
	}()
	for _, line := range []string{"hello\n", "again\n"} {
		_, err := typed.Write([]byte(line))
		require.NoError(t, err)
		waitFor(t, "the echo of "+line, func() bool { return strings.Contains(output.String(), line) })
	}
	require.NoError(t, typed.Close())
	require.NoError(t, receive(t, done, "StreamAttach to return when the process ends"))
	require.Zero(t, k.waitExited(id).ExitCode, "the process saw the end of its input")
	require.Equal(t, "hello\nagain\n", output.String())
	require.Equal(t, "hello\nagain\n", p.readLog("main")["stdout"], "what an attached client sees is logged too")
}

func testAttachRefused(t *testing.T, k *kit) {
	p := k.pod("attach-refused")
	id := p.create(p.containerConfig("created", k.cmd.Sleep))
	err := k.rt.StreamAttach(t.Context(), id, false, runtime.Streams{Stdout: io.Discard})
	require.Error(t, err, "StreamAttach to a created container")
}

// duplex is one end of a two-way stream that can be half closed.
type duplex struct {
	io.Reader
	out *io.PipeWriter
	in  *io.PipeReader
}

func newDuplex() (near, far *duplex) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	return &duplex{r1, w2, r1}, &duplex{r2, w1, r2}
}

func (d *duplex) Write(b []byte) (int, error) { return d.out.Write(b) }
func (d *duplex) CloseWrite() error           { return d.out.Close() }

func (d *duplex) Close() error {
	_ = d.in.Close()
	return d.out.Close()
}

func testPortForward(t *testing.T, k *kit) {
	p := k.pod("forward")
	p.start("server", k.cmd.Serve(9376))
	p.waitReady("server")

	for range 2 {
		near, far := newDuplex()
		done := make(chan error, 1)
		go func() { done <- k.rt.StreamPortForward(t.Context(), p.id, 9376, far) }()
		text := strings.Repeat("there and back\n", 10_000)
		go func() {
			_, _ = io.WriteString(near, text)
			_ = near.CloseWrite()
		}()
		back, err := io.ReadAll(near)
		require.NoError(t, err)
		require.Equal(t, len(text), len(back))
		require.Equal(t, text, string(back))
		require.NoError(t, receive(t, done, "StreamPortForward to return when the server has closed"))
	}

	near, far := newDuplex()
	defer near.Close()
	require.Error(t, k.rt.StreamPortForward(t.Context(), p.id, 9377, far), "a port that nobody listens on")
	near, far = newDuplex()
	defer near.Close()
	require.Error(t, k.rt.StreamPortForward(t.Context(), "never-was", 9376, far), "a sandbox that is not there")
}

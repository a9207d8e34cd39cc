package criserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/coracle-k8s/coracle/runtime"
)

// StreamExec implements [runtime.Streamer]. After it returns one last read of
// s.Stdin may be under way.
func (r *remote) StreamExec(ctx context.Context, id string, cmd []string, tty bool, s runtime.Streams) error {
	s = withOutput(s)
	resp, err := r.runtime.Exec(ctx, &cri.ExecRequest{
		ContainerId: id, Cmd: cmd, Tty: tty, Stdin: s.Stdin != nil, Stdout: s.Stdout != nil, Stderr: s.Stderr != nil && !tty,
	})
	if err != nil {
		return err
	}
	return command(ctx, resp.Url, tty, s)
}

// StreamAttach implements [runtime.Streamer], with the same word about s.Stdin.
func (r *remote) StreamAttach(ctx context.Context, id string, tty bool, s runtime.Streams) error {
	s = withOutput(s)
	resp, err := r.runtime.Attach(ctx, &cri.AttachRequest{
		ContainerId: id, Tty: tty, Stdin: s.Stdin != nil, Stdout: s.Stdout != nil, Stderr: s.Stderr != nil && !tty,
	})
	if err != nil {
		return err
	}
	return command(ctx, resp.Url, tty, s)
}

// withOutput asks for standard output if nothing is asked for: CRI wants at
// least one stream.
func withOutput(s runtime.Streams) runtime.Streams {
	if s.Stdin == nil && s.Stdout == nil && s.Stderr == nil {
		s.Stdout = io.Discard
	}
	return s
}

// upgrade opens a streaming URL and returns the connection that the streams
// share. It ends with ctx.
func upgrade(ctx context.Context, address, protocol string) (httpstream.Connection, func(), error) {
	tripper, err := spdy.NewRoundTripperWithProxy(nil, func(*http.Request) (*url.URL, error) { return nil, nil })
	if err != nil {
		return nil, nil, fmt.Errorf("open stream: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("open stream: %w", err)
	}
	req.Header.Set(httpstream.HeaderProtocolVersion, protocol)
	resp, err := tripper.RoundTrip(req)
	if err != nil {
		return nil, nil, fmt.Errorf("open stream: %w", err)
	}
	defer resp.Body.Close()
	conn, err := tripper.NewConnection(resp)
	if err != nil {
		return nil, nil, fmt.Errorf("open stream: %w", err)
	}
	unhook := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, func() {
		unhook()
		_ = conn.Close()
	}, nil
}

// command runs the streams of an exec or attach, protocol v4.channel.k8s.io:
// one SPDY stream for each standard stream, one for the result, and with a
// terminal one for its size.
func command(ctx context.Context, address string, tty bool, s runtime.Streams) error {
	conn, closeConn, err := upgrade(ctx, address, remotecommand.StreamProtocolV4Name)
	if err != nil {
		return err
	}
	defer closeConn()
	streams, err := openStreams(conn, tty, s)
	if err != nil {
		return ended(ctx, fmt.Errorf("open streams: %w", err))
	}
	var output sync.WaitGroup
	receive := func(kind string, to io.Writer) {
		if from := streams[kind]; from != nil {
			output.Go(func() { _, _ = io.Copy(to, from) })
		}
	}
	receive(remotecommand.StreamTypeStdout, s.Stdout)
	receive(remotecommand.StreamTypeStderr, s.Stderr)
	if to := streams[remotecommand.StreamTypeStdin]; to != nil {
		go func() { // ends when the caller's input or the connection does
			_, _ = io.Copy(to, s.Stdin)
			_ = to.Close()
		}()
	}
	done := make(chan struct{})
	defer close(done)
	if to := streams[remotecommand.StreamTypeResize]; to != nil {
		go sendSizes(to, s.Resize, done)
	}
	result, err := io.ReadAll(streams[remotecommand.StreamTypeError])
	output.Wait()
	if err != nil {
		return ended(ctx, fmt.Errorf("read result: %w", err))
	}
	return ended(ctx, parseResult(result))
}

// openStreams opens the streams that are wanted, the one for the result first.
func openStreams(conn httpstream.Connection, tty bool, s runtime.Streams) (map[string]httpstream.Stream, error) {
	streams := map[string]httpstream.Stream{}
	for _, stream := range []struct {
		kind   string
		wanted bool
	}{
		{remotecommand.StreamTypeError, true},
		{remotecommand.StreamTypeStdin, s.Stdin != nil},
		{remotecommand.StreamTypeStdout, s.Stdout != nil},
		{remotecommand.StreamTypeStderr, s.Stderr != nil && !tty},
		{remotecommand.StreamTypeResize, tty},
	} {
		if !stream.wanted {
			continue
		}
		headers := http.Header{}
		headers.Set(remotecommand.StreamType, stream.kind)
		opened, err := conn.CreateStream(headers)
		if err != nil {
			return nil, fmt.Errorf("create %s stream: %w", stream.kind, err)
		}
		streams[stream.kind] = opened
	}
	return streams, nil
}

func sendSizes(to io.Writer, sizes <-chan runtime.TerminalSize, done <-chan struct{}) {
	encoder := json.NewEncoder(to)
	for {
		select {
		case size, ok := <-sizes:
			if !ok || encoder.Encode(remotecommand.TerminalSize{Width: size.Width, Height: size.Height}) != nil {
				return
			}
		case <-done:
			return
		}
	}
}

// errLost is a result stream that ended without a result.
var errLost = errors.New("connection lost before the result of the command")

// parseResult reads the status that the server sends last: a Kubernetes Status
// of which three fields matter.
func parseResult(data []byte) error {
	var result struct {
		Status, Message, Reason string
		Details                 struct {
			Causes []struct{ Reason, Message string }
		}
	}
	if len(data) == 0 {
		return errLost
	}
	if err := json.Unmarshal(data, &result); err != nil {
		return fmt.Errorf("parse result %q: %w", data, err)
	}
	if result.Status == "Success" {
		return nil
	}
	for _, cause := range result.Details.Causes {
		if code, err := strconv.Atoi(cause.Message); err == nil && cause.Reason == remotecommand.ExitCodeCauseType {
			return &runtime.ExitError{Code: code}
		}
	}
	return errors.New(result.Message)
}

// ended prefers the context's error to one that it caused.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// StreamPortForward implements [runtime.Streamer]: two SPDY streams for a
// connection, its data and its error.
func (r *remote) StreamPortForward(ctx context.Context, sandboxID string, port int32, stream io.ReadWriteCloser) error {
	resp, err := r.runtime.PortForward(ctx, &cri.PortForwardRequest{PodSandboxId: sandboxID, Port: []int32{port}})
	if err != nil {
		return err
	}
	conn, closeConn, err := upgrade(ctx, resp.Url, portforward.ProtocolV1Name)
	if err != nil {
		return err
	}
	defer closeConn()
	headers := http.Header{}
	headers.Set(portforward.StreamType, portforward.StreamTypeError)
	headers.Set(portforward.PortHeader, strconv.Itoa(int(port)))
	headers.Set(portforward.PortForwardRequestIDHeader, "0")
	failure, err := conn.CreateStream(headers)
	if err != nil {
		return ended(ctx, fmt.Errorf("create error stream: %w", err))
	}
	_ = failure.Close() // nothing is sent on it
	headers = headers.Clone()
	headers.Set(portforward.StreamType, portforward.StreamTypeData)
	data, err := conn.CreateStream(headers)
	if err != nil {
		return ended(ctx, fmt.Errorf("create data stream: %w", err))
	}
	failed := make(chan string, 1)
	go func() { // ends with the connection; both streams must be read, or neither goes on
		message, _ := io.ReadAll(failure)
		failed <- string(message)
	}()
	go func() { // ends when the caller's stream or the connection does
		_, _ = io.Copy(data, stream)
		_ = data.Close()
	}()
	_, err = io.Copy(stream, data)
	_ = stream.Close()
	if message := <-failed; message != "" {
		err = errors.New(message)
	}
	if errors.Is(err, io.ErrClosedPipe) {
		err = nil // the caller went first
	}
	return ended(ctx, err)
}

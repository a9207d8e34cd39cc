package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"github.com/coracle-k8s/coracle/runtime"
)

// How long a connection may be idle, and how long a SPDY client may take to
// open its streams; both as in Kubernetes.
const (
	idleTimeout   = 4 * time.Hour
	streamTimeout = remotecommand.DefaultStreamCreationTimeout
)

// A session runs one exec or attach with the given streams, until they or ctx end.
type session func(ctx context.Context, tty bool, streams runtime.Streams) error

// exec answers kubectl exec.
func (s *server) exec(w http.ResponseWriter, r *http.Request) {
	command := r.URL.Query()["command"]
	s.stream(w, r, func(id string) session {
		return func(ctx context.Context, tty bool, streams runtime.Streams) error {
			return s.Streamer.StreamExec(ctx, id, command, tty, streams)
		}
	}, len(command) > 0)
}

// attach answers kubectl attach.
func (s *server) attach(w http.ResponseWriter, r *http.Request) {
	s.stream(w, r, func(id string) session {
		return func(ctx context.Context, tty bool, streams runtime.Streams) error {
			return s.Streamer.StreamAttach(ctx, id, tty, streams)
		}
	}, true)
}

// stream finds the container and lets a session speak over whatever protocol
// the client asks for.
func (s *server) stream(w http.ResponseWriter, r *http.Request, open func(id string) session, complete bool) {
	opts, err := streamOptions(r.URL.Query())
	switch {
	case s.Streamer == nil:
		err = Errorf(http.StatusNotImplemented, "this node's runtime does not stream")
	case !complete:
		err = Errorf(http.StatusBadRequest, "you must specify a command")
	}
	var id string
	if err == nil {
		id, err = s.Node.Container(r.PathValue("namespace"), r.PathValue("pod"), types.UID(r.PathValue("uid")), r.PathValue("container"))
	}
	if err != nil {
		fail(w, err)
		return
	}
	run := open(id)
	if wsstream.IsWebSocketRequest(r) {
		serveWebSocket(w, r, opts, run)
		return
	}
	out := &tiedWriter{ResponseWriter: w, ctx: r.Context()}
	defer out.release()
	remotecommand.ServeExec(out, r, spdySession(run), "", "", "", nil, opts,
		idleTimeout, streamTimeout, remotecommand.SupportedStreamingProtocols)
}

// streamOptions reads which streams the client wants. The names are those that
// the API server uses towards kubelets, or those that clients use.
func streamOptions(query url.Values) (*remotecommand.Options, error) {
	wants := func(names ...string) bool {
		for _, name := range names {
			if v := query.Get(name); v == "1" || v == "true" {
				return true
			}
		}
		return false
	}
	opts := &remotecommand.Options{
		Stdin: wants("input", "stdin"), Stdout: wants("output", "stdout"), Stderr: wants("error", "stderr"), TTY: wants("tty"),
	}
	if opts.TTY {
		opts.Stderr = false // a terminal has one output
	}
	if !opts.Stdin && !opts.Stdout && !opts.Stderr {
		return nil, Errorf(http.StatusBadRequest, "you must specify at least 1 of stdin, stdout, stderr")
	}
	return opts, nil
}

// A spdySession is a session over SPDY streams.
type spdySession session

// ExecInContainer implements remotecommand.Executor.
func (run spdySession) ExecInContainer(ctx context.Context, _, _, _ string, _ []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	streams := runtime.Streams{}
	if in != nil { // a nil interface, not an interface that holds nil
		streams.Stdin = in
	}
	if out != nil {
		streams.Stdout = out
	}
	if errOut != nil {
		streams.Stderr = errOut
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if resize != nil {
		sizes := make(chan runtime.TerminalSize)
		streams.Resize = sizes
		go passSizes(ctx, resize, sizes)
	}
	err := run(ctx, tty, streams)
	if exit, ok := errors.AsType[*runtime.ExitError](err); ok {
		return exitError{exit}
	}
	return err
}

func passSizes(ctx context.Context, from <-chan remotecommand.TerminalSize, to chan<- runtime.TerminalSize) {
	defer close(to)
	for {
		select {
		case size, ok := <-from:
			if !ok {
				return
			}
			select {
			case to <- runtime.TerminalSize{Width: size.Width, Height: size.Height}:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// An exitError is an exit code in the form that the streaming library knows.
type exitError struct{ *runtime.ExitError }

func (e exitError) Exited() bool    { return true }
func (e exitError) ExitStatus() int { return e.Code }
func (e exitError) String() string  { return e.Error() }

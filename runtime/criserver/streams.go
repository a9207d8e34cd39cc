package criserver

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/coracle-k8s/coracle/runtime"
)

// streamRuntime is a Streamer in the form that the stream server calls.
type streamRuntime struct {
	ctx      context.Context // ends when the server stops
	streamer runtime.Streamer

	mu      sync.Mutex // guards stopped
	stopped bool
	running sync.WaitGroup
}

var _ streaming.Runtime = (*streamRuntime)(nil)

// Exec implements streaming.Runtime.
func (r *streamRuntime) Exec(ctx context.Context, id string, cmd []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	return r.stream(ctx, in, out, errOut, resize, func(ctx context.Context, s runtime.Streams) error {
		return r.streamer.StreamExec(ctx, id, cmd, tty, s)
	})
}

// Attach implements streaming.Runtime.
func (r *streamRuntime) Attach(ctx context.Context, id string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	return r.stream(ctx, in, out, errOut, resize, func(ctx context.Context, s runtime.Streams) error {
		return r.streamer.StreamAttach(ctx, id, tty, s)
	})
}

// PortForward implements streaming.Runtime. The library gives it no context of
// the connection: a lost one shows as the end of stream.
func (r *streamRuntime) PortForward(ctx context.Context, id string, port int32, stream io.ReadWriteCloser) error {
	ctx, leave, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return r.streamer.StreamPortForward(ctx, id, port, stream)
}

func (r *streamRuntime) stream(ctx context.Context, in io.Reader, out, errOut io.WriteCloser, resize <-chan remotecommand.TerminalSize, run func(context.Context, runtime.Streams) error) error {
	ctx, leave, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s := runtime.Streams{Stdin: in}
	if out != nil {
		s.Stdout = out
	}
	if errOut != nil {
		s.Stderr = errOut
	}
	if resize != nil {
		sizes := make(chan runtime.TerminalSize)
		s.Resize = sizes
		var relay sync.WaitGroup
		defer relay.Wait()
		resizing, stop := context.WithCancel(ctx)
		defer stop()
		relay.Go(func() { relaySizes(resizing, resize, sizes) })
	}
	err = run(ctx, s)
	if exit, ok := errors.AsType[*runtime.ExitError](err); ok {
		return exitStatus{exit}
	}
	return err
}

func relaySizes(ctx context.Context, from <-chan remotecommand.TerminalSize, to chan<- runtime.TerminalSize) {
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

// enter counts a stream that begins, and ends its context with the server.
func (r *streamRuntime) enter(ctx context.Context) (context.Context, func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, nil, errors.New("the server is stopping")
	}
	r.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(r.ctx, cancel)
	return ctx, func() {
		unhook()
		cancel()
		r.running.Done()
	}, nil
}

// wait lets no stream begin any more and returns when all have ended.
func (r *streamRuntime) wait() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.running.Wait()
}

// exitStatus is an exit code in the form that the stream server looks for: the
// ExitError interface of k8s.io/utils/exec.
type exitStatus struct{ *runtime.ExitError }

func (e exitStatus) String() string  { return e.Error() }
func (e exitStatus) Exited() bool    { return true }
func (e exitStatus) ExitStatus() int { return e.Code }

// connSet is a listener that knows its open connections. An upgraded connection
// is no longer the HTTP server's, so somebody must close it at the end; and the
// server does not see it break, so its context must.
type connSet struct {
	net.Listener
	mu     sync.Mutex // guards the fields below
	conns  map[*trackedConn]bool
	closed bool
}

func newConnSet(l net.Listener) *connSet {
	return &connSet{Listener: l, conns: map[*trackedConn]bool{}}
}

// Accept implements net.Listener.
func (s *connSet) Accept() (net.Conn, error) {
	inner, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &trackedConn{Conn: inner, set: s}
	c.life, c.broken = context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = inner.Close()
	}
	s.conns[c] = true
	return c, nil
}

// context is http.Server.ConnContext: it makes the context of every request on
// a connection end with the connection.
func (s *connSet) context(ctx context.Context, c net.Conn) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(c.(*trackedConn).life, cancel)
	return ctx
}

func (s *connSet) closeAll() {
	s.mu.Lock()
	s.closed = true
	conns := make([]*trackedConn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

type trackedConn struct {
	net.Conn
	set    *connSet
	life   context.Context
	broken context.CancelFunc // ends life
}

// Read implements net.Conn: an error that is not a deadline is the end.
func (c *trackedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.broken()
	}
	return n, err
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.broken()
	c.set.mu.Lock()
	delete(c.set.conns, c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}

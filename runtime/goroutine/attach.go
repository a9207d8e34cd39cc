package goroutine

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// StreamAttach implements [runtime.Streamer]: output from now on goes to the
// streams until the container ends, ctx ends, or, if no output is wanted, the
// input ends. After it returns one last read of s.Stdin may be under way.
func (r *Runtime) StreamAttach(ctx context.Context, id string, _ bool, s runtime.Streams) error {
	c, err := r.running(id)
	if err != nil {
		return err
	}
	if s.Stdin != nil && c.stdio.stdin == nil {
		return status.Errorf(codes.FailedPrecondition, "attach to container %q: it was created without stdin", id)
	}
	a := c.stdio.attach()
	defer c.stdio.detach(a)
	unhook := context.AfterFunc(ctx, func() { c.stdio.detach(a) })
	defer unhook()

	stop := make(chan struct{})
	defer close(stop)
	go c.stdio.followSize(s.Resize, stop)
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		c.feed(s.Stdin)
	}()
	if s.Stdout == nil && s.Stderr == nil {
		select {
		case <-fed:
		case <-c.ended:
		case <-ctx.Done():
		}
	} else {
		a.copyTo(s.Stdout, s.Stderr)
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return nil
}

// feed copies an attached client's input to the process. With stdinOnce, the
// first client's end is the end of the process's input.
func (c *container) feed(from io.Reader) {
	if from == nil {
		return
	}
	_, _ = io.Copy(c.stdio.stdin, from)
	if c.config.StdinOnce {
		c.stdio.stdin.closeWrite()
	}
}

// copyTo copies both streams until they end or cannot be written.
func (a *attachment) copyTo(stdout, stderr io.Writer) {
	var copies sync.WaitGroup
	for _, s := range []struct {
		from *pipe
		to   io.Writer
	}{{a.stdout, stdout}, {a.stderr, stderr}} {
		if s.to == nil {
			s.to = io.Discard
		}
		copies.Go(func() {
			if _, err := io.Copy(s.to, s.from); err != nil {
				a.stdout.closeRead()
				a.stderr.closeRead()
			}
		})
	}
	copies.Wait()
}

func (s *stdio) followSize(sizes <-chan runtime.TerminalSize, stop <-chan struct{}) {
	for {
		select {
		case size, ok := <-sizes:
			if !ok {
				return
			}
			s.setSize(size)
		case <-stop:
			return
		}
	}
}

// StreamPortForward implements [runtime.Streamer]: each side's end of stream
// reaches the other.
func (r *Runtime) StreamPortForward(ctx context.Context, sandboxID string, port int32, stream io.ReadWriteCloser) error {
	s, err := r.sandbox(sandboxID)
	if err != nil {
		return err
	}
	r.mu.Lock()
	ip, ready := s.ip, s.ready
	r.mu.Unlock()
	if !ready {
		return status.Errorf(codes.FailedPrecondition, "pod sandbox %q is not ready", sandboxID)
	}
	host := r.network.Attach(ip)
	defer host.Close()
	c, err := host.dialLoopback(ctx, port)
	if err != nil {
		return status.Errorf(codes.Unavailable, "forward port %d of pod sandbox %q: %v", port, sandboxID, err)
	}
	unhook := context.AfterFunc(ctx, host.Reset)
	defer unhook()
	err = splice(c, stream)
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return err
}

// splice copies both ways until the pod's side has ended, then closes both. The
// copy from the client ends when the stream says that it was closed, maybe
// after splice has returned.
func splice(c *conn, stream io.ReadWriteCloser) error {
	go func() {
		_, _ = io.Copy(c, stream)
		_ = c.CloseWrite()
	}()
	_, err := io.Copy(stream, c)
	_ = stream.Close()
	_ = c.Close()
	if errors.Is(err, io.ErrClosedPipe) {
		err = nil // the client went first
	}
	return err
}

// Exec, Attach and PortForward answer with a URL in CRI; see package criserver
// for a server that makes one of the Stream methods.
func (r *Runtime) Exec(context.Context, *cri.ExecRequest) (*cri.ExecResponse, error) {
	return nil, noURL("Exec", "StreamExec")
}

// Attach is refused; see [Runtime.StreamAttach].
func (r *Runtime) Attach(context.Context, *cri.AttachRequest) (*cri.AttachResponse, error) {
	return nil, noURL("Attach", "StreamAttach")
}

// PortForward is refused; see [Runtime.StreamPortForward].
func (r *Runtime) PortForward(context.Context, *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	return nil, noURL("PortForward", "StreamPortForward")
}

func noURL(call, instead string) error {
	return status.Errorf(codes.Unimplemented, "%s has no URL in process: call %s", call, instead)
}

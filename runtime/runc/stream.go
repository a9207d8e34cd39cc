//go:build linux

package runc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// StreamAttach implements runtime.Streamer. Output begins with what comes after
// the call; the end of the container ends it.
func (r *Runtime) StreamAttach(ctx context.Context, id string, tty bool, s runtime.Streams) error {
	c, err := r.running(id)
	if err != nil {
		return err
	}
	if tty != c.config.GetTty() {
		return toStatus(fmt.Errorf("attach to container %s: %w: terminal %t, the container has %t", id, bundle.ErrInvalid, tty, c.config.GetTty()))
	}
	if s.Stdin != nil && !c.config.GetStdin() {
		return toStatus(fmt.Errorf("attach to container %s: %w: it was made without stdin", id, bundle.ErrInvalid))
	}
	a, err := shim.Attach(ctx, r.cfg.containerState(id), s.Stdin != nil)
	if err != nil {
		return toStatus(fmt.Errorf("attach to container %s: %w", id, err))
	}
	stop := context.AfterFunc(ctx, func() { _ = a.Close() })
	defer stop()
	defer a.Close() //nolint:errcheck // only ends the connection
	if s.Stdin != nil {
		go func() { // ends with the connection, or when the other end says something
			_, _ = io.Copy(a, s.Stdin)
			_ = a.CloseInput()
		}()
	}
	done := make(chan struct{})
	defer close(done)
	go forwardSizes(done, a, s.Resize)
	if err := a.Output(s.Stdout, s.Stderr); err != nil {
		return toStatus(fmt.Errorf("attach to container %s: %w", id, err))
	}
	return context.Cause(ctx)
}

func forwardSizes(done <-chan struct{}, a *shim.Attachment, sizes <-chan runtime.TerminalSize) {
	for {
		select {
		case <-done:
			return
		case size, ok := <-sizes:
			if !ok || a.Resize(size.Width, size.Height) != nil {
				return
			}
		}
	}
}

// StreamPortForward implements runtime.Streamer.
func (r *Runtime) StreamPortForward(ctx context.Context, sandboxID string, port int32, stream io.ReadWriteCloser) error {
	s := r.sandbox(sandboxID)
	if s == nil {
		return noSandbox(sandboxID)
	}
	if !r.recordOf(s).Ready {
		return status.Errorf(codes.FailedPrecondition, "pod sandbox %s is not ready", sandboxID)
	}
	if port < 1 || port > 65535 {
		return toStatus(fmt.Errorf("forward port: %w: port %d", bundle.ErrInvalid, port))
	}
	conn, err := r.dialPod(ctx, s, port)
	if err != nil {
		return toStatus(fmt.Errorf("forward port %d of pod sandbox %s: %w", port, sandboxID, err))
	}
	return toStatus(join(ctx, conn, stream))
}

// dialPod connects to a port on the pod's loopback. A socket stays in the network
// namespace in which it was made, wherever it is used later.
func (r *Runtime) dialPod(ctx context.Context, s *sandbox, port int32) (conn *net.TCPConn, err error) {
	err = inNetNS(r.netnsPath(s), func() error {
		var errs error
		for _, addr := range []string{"127.0.0.1", "::1"} {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(int(port))))
			if err == nil {
				conn = c.(*net.TCPConn)
				return nil
			}
			errs = errors.Join(errs, err)
		}
		return errs
	})
	return conn, err
}

// join copies both ways until the pod's side closes, or ctx ends. The end of the
// client's side is passed on, and answers still come back.
func join(ctx context.Context, pod *net.TCPConn, client io.ReadWriteCloser) error {
	stop := context.AfterFunc(ctx, func() {
		_ = pod.Close()
		_ = client.Close()
	})
	defer stop()
	go func() { // ends when the client's side is closed, at the latest below
		_, err := io.Copy(pod, client)
		if err != nil {
			_ = pod.Close()
			return
		}
		_ = pod.CloseWrite()
	}()
	_, err := io.Copy(client, pod)
	closeErr := errors.Join(pod.Close(), client.Close())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return errors.Join(err, closeErr)
	}
	return nil
}

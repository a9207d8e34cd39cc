package goroutine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// maxExecOutput is what ExecSync keeps of each stream, in bytes; the CRI
// definition asks for this cap (CVE-2022-1708).
const maxExecOutput = 16 << 20

// handleExec adds a command to this container.
func (c *container) handleExec(name string, program Program) {
	c.execMu.Lock()
	defer c.execMu.Unlock()
	c.exec[name] = program
}

// command finds the program for a command line: the container's own first, then
// the image's, then those of every container. A command may be named with its
// folder ("/bin/cat").
func (c *container) command(cmd []string) (Program, error) {
	if len(cmd) == 0 || cmd[0] == "" {
		return nil, invalid("exec in container %q: no command", c.id)
	}
	c.execMu.Lock()
	defer c.execMu.Unlock()
	for _, commands := range []map[string]Program{c.exec, c.image.Exec, c.runtime.config.Exec} {
		for _, name := range []string{cmd[0], path.Base(cmd[0])} {
			if program := commands[name]; program != nil {
				return program, nil
			}
		}
	}
	return nil, status.Errorf(codes.NotFound, "exec in container %q: executable file not found: %q", c.id, cmd[0])
}

// StreamExec implements [runtime.Streamer]. A container that ends takes the
// command with it: exit code 137.
func (r *Runtime) StreamExec(ctx context.Context, id string, cmd []string, tty bool, s runtime.Streams) error {
	c, err := r.running(id)
	if err != nil {
		return err
	}
	program, err := c.command(cmd)
	if err != nil {
		return err
	}
	if !r.addProgram() {
		return status.Error(codes.Unavailable, "the runtime is closed")
	}
	code, err := c.execute(ctx, program, cmd, tty, s)
	if err == nil && code != 0 {
		err = &runtime.ExitError{Code: code}
	}
	return err
}

// addProgram counts a program that is about to run; false after Close.
func (r *Runtime) addProgram() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.programs.Add(1)
	return true
}

// execute runs a program beside the container's first process until it returns,
// the container ends or ctx does. Its output goes through pipes, so that a
// program that outlives its call cannot touch the caller's writers.
func (c *container) execute(ctx context.Context, program Program, cmd []string, tty bool, s runtime.Streams) (int, error) {
	run, cancel := context.WithCancel(c.run)
	defer cancel()
	host := c.newHostLocked()
	p := c.newProcess(cmd, host)
	p.TTY, p.Resize, p.Stdin = tty, s.Resize, s.Stdin
	if p.Stdin == nil {
		p.Stdin = strings.NewReader("")
	}
	stdout, stderr := newOutputPipe(s.Stdout), newOutputPipe(s.Stderr)
	p.Stdout, p.Stderr = stdout.writer(), stderr.writer()
	if tty {
		p.Stderr = p.Stdout
	}

	exited := make(chan int, 1)
	go func() {
		defer c.runtime.programs.Done()
		runProgram(run, program, p, func(code int) {
			if c.run.Err() != nil { // It returns because the container has ended: a kill.
				code = exitKilled
			}
			exited <- code & 0xff
		})
		p.HTTP.CloseIdleConnections()
		host.Close()
	}()
	var code int
	var err error
	select {
	case code = <-exited:
	case <-c.ended:
		code = exitKilled
	case <-ctx.Done():
		err = status.FromContextError(ctx.Err()).Err()
	}
	stdout.finish(err)
	stderr.finish(err)
	return code, err
}

func (c *container) newHostLocked() *Host {
	c.runtime.mu.Lock()
	defer c.runtime.mu.Unlock()
	return c.newHost()
}

// outputPipe copies what a program writes to a writer of the caller.
type outputPipe struct {
	pipe *pipe // nil: discard
	done sync.WaitGroup
}

func newOutputPipe(to io.Writer) *outputPipe {
	if to == nil {
		return &outputPipe{}
	}
	o := &outputPipe{pipe: newPipe()}
	o.done.Go(func() {
		_, _ = io.Copy(to, o.pipe)
		o.pipe.closeRead()
	})
	return o
}

func (o *outputPipe) writer() io.Writer {
	if o.pipe == nil {
		return io.Discard
	}
	return o.pipe
}

// finish ends the copy: after what was written, or at once if there is an
// error.
func (o *outputPipe) finish(err error) {
	if o.pipe == nil {
		return
	}
	if err != nil {
		o.pipe.abort(err)
	}
	o.pipe.closeWrite()
	o.done.Wait()
}

// ExecSync implements the CRI call. Timeout is in seconds, zero means none;
// after it the command is killed and the call fails with DeadlineExceeded.
func (r *Runtime) ExecSync(ctx context.Context, req *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	if req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(req.Timeout)*time.Second)
		defer cancel()
	}
	var stdout, stderr cappedBuffer
	err := r.StreamExec(ctx, req.ContainerId, req.Cmd, false, runtime.Streams{Stdout: &stdout, Stderr: &stderr})
	resp := &cri.ExecSyncResponse{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if exit, ok := errors.AsType[*runtime.ExitError](err); ok {
		resp.ExitCode = int32(exit.Code)
		return resp, nil
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// cappedBuffer keeps the first maxExecOutput bytes and discards the rest.
type cappedBuffer struct{ bytes.Buffer }

func (b *cappedBuffer) Write(data []byte) (int, error) {
	b.Buffer.Write(data[:min(len(data), maxExecOutput-b.Len())])
	return len(data), nil
}

// ReadFrom hides bytes.Buffer's, which knows no cap.
func (b *cappedBuffer) ReadFrom(from io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, from)
}

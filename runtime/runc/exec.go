//go:build linux

package runc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// maxExecOutput bounds what ExecSync keeps of each stream, in bytes; CRI sets it.
// What is beyond is read and dropped.
const maxExecOutput = 16 << 20

// lingerTime is how long output is waited for after a command ended or was
// killed, when somebody it left behind still holds the pipes.
const lingerTime = 2 * time.Second

// ExecSync implements cri.RuntimeServiceServer. A timeout of zero seconds means
// none; a command that runs longer is killed.
func (r *Runtime) ExecSync(ctx context.Context, req *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	timeout := time.Duration(req.GetTimeout()) * time.Second
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	stdout, stderr := &limitedBuffer{}, &limitedBuffer{}
	code, err := r.exec(ctx, req.GetContainerId(), req.GetCmd(), false, runtime.Streams{Stdout: stdout, Stderr: stderr})
	if errors.Is(err, context.DeadlineExceeded) && timeout > 0 {
		return nil, status.Errorf(codes.DeadlineExceeded, "command %q timed out after %v", req.GetCmd(), timeout)
	}
	if err != nil {
		return nil, toStatus(err)
	}
	return &cri.ExecSyncResponse{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: int32(code)}, nil
}

// StreamExec implements runtime.Streamer.
func (r *Runtime) StreamExec(ctx context.Context, id string, cmd []string, tty bool, s runtime.Streams) error {
	code, err := r.exec(ctx, id, cmd, tty, s)
	if err != nil {
		return toStatus(err)
	}
	if code != 0 {
		return &runtime.ExitError{Code: code}
	}
	return nil
}

type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := maxExecOutput - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// exec runs a command in a container and returns its exit code.
func (r *Runtime) exec(ctx context.Context, id string, command []string, tty bool, s runtime.Streams) (code int, err error) {
	c, err := r.running(id)
	if err != nil {
		return 0, err
	}
	if len(command) == 0 {
		return 0, fmt.Errorf("exec in container %s: %w: no command", id, bundle.ErrInvalid)
	}
	dir, err := os.MkdirTemp(r.cfg.containerState(id), "exec-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := r.writeProcess(c, dir, command, tty); err != nil {
		return 0, err
	}
	x := &execution{dir: dir}
	x.cmd = r.runc(ctx, "--log", filepath.Join(dir, "log"), "--log-format", "json",
		"exec", "--process", filepath.Join(dir, "process.json"), "--pid-file", filepath.Join(dir, "pid"), id)
	x.cmd.Cancel, x.cmd.WaitDelay = x.kill, lingerTime
	if tty {
		err = x.runTerminal(s)
	} else {
		err = x.runPipes(s)
	}
	return x.result(ctx, err)
}

// writeProcess writes what to run: the container's own process, as it was started,
// with another command.
func (r *Runtime) writeProcess(c *container, dir string, command []string, tty bool) error {
	spec, err := bundle.Read(r.cfg.containerDir(c.ID))
	if err != nil {
		return err
	}
	p := spec.Process
	p.Args, p.Terminal = command, tty
	if tty && !hasVariable(p.Env, "TERM") {
		p.Env = append(p.Env, "TERM=xterm")
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "process.json"), raw, 0o600)
}

func hasVariable(env []string, name string) bool {
	for _, pair := range env {
		if strings.HasPrefix(pair, name+"=") {
			return true
		}
	}
	return false
}

// An execution is one run of "runc exec", which lives as long as the command.
type execution struct {
	dir string
	cmd *exec.Cmd
}

// runPipes runs the command on pipes.
func (x *execution) runPipes(s runtime.Streams) error {
	x.cmd.Stdout, x.cmd.Stderr = s.Stdout, s.Stderr
	if s.Stdin == nil {
		return x.cmd.Run()
	}
	// The copy is not waited for: the other end may never say anything again.
	in, err := x.cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := x.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(in, s.Stdin)
		_ = in.Close()
	}()
	return x.cmd.Wait()
}

// result tells the end of the command from a failure of runc: only a command that
// started has a pid.
func (x *execution) result(ctx context.Context, err error) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if _, statErr := os.Stat(filepath.Join(x.dir, "pid")); statErr != nil && err != nil {
		if text := shim.LastError(filepath.Join(x.dir, "log")); text != "" {
			return 0, errors.New(text)
		}
		return 0, fmt.Errorf("runc exec: %w", err)
	}
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return x.cmd.ProcessState.ExitCode(), nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case errors.As(err, &exit):
		return 128 + int(exit.Sys().(syscall.WaitStatus).Signal()), nil
	}
	return 0, err
}

// kill ends the command and what it started in its session; runc then ends by
// itself. Before there is a command, runc is killed.
func (x *execution) kill() error {
	raw, err := os.ReadFile(filepath.Join(x.dir, "pid"))
	if err != nil {
		return x.cmd.Process.Kill()
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || pid <= 1 {
		return x.cmd.Process.Kill()
	}
	if err := syscall.Kill(-pid, syscall.SIGKILL); errors.Is(err, syscall.ESRCH) {
		return syscall.Kill(pid, syscall.SIGKILL)
	}
	return nil
}

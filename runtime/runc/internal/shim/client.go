//go:build linux

package shim

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A StartError is runc's refusal to start a container, in runc's words.
type StartError struct{ Message string }

func (e *StartError) Error() string { return e.Message }

// A Started container is one that runs.
type Started struct {
	PID, ShimPID int
	Time         time.Time
}

// Start starts a shim in the directory dir and returns when the container runs,
// with its first process and the shim's. The shim stays, whatever becomes of the
// caller. A container that cannot start gives a [*StartError].
func Start(dir string, cfg Config) (Started, error) {
	if err := writeJSON(filepath.Join(dir, configFile), cfg); err != nil {
		return Started{}, err
	}
	report, w, err := os.Pipe()
	if err != nil {
		return Started{}, err
	}
	defer report.Close() //nolint:errcheck // only read from
	cmd, err := command(shimName, dir)
	if err != nil {
		return Started{}, errors.Join(err, w.Close())
	}
	cmd.ExtraFiles = []*os.File{w}
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		return Started{}, fmt.Errorf("start shim: %w", err)
	}
	var s started
	if err := json.NewDecoder(report).Decode(&s); err != nil {
		_ = cmd.Wait()
		return Started{}, fmt.Errorf("the shim gave no answer (does main call runc.ShimMain first?): %w", err)
	}
	if s.Error != "" {
		_ = cmd.Wait()
		return Started{}, &StartError{s.Error}
	}
	result := Started{PID: s.PID, ShimPID: cmd.Process.Pid, Time: s.Time}
	return result, cmd.Process.Release()
}

// command prepares this program to run again under another name, in its own
// session, with its complaints in a file.
func command(name, dir string) (*exec.Cmd, error) {
	log, err := os.OpenFile(filepath.Join(dir, shimLogFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{name}
	cmd.Dir = dir
	cmd.Stderr = log
	// A shim does little: one thread at a time, and a small heap, are enough.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1", "GOGC=50"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

// StartHolder starts a process in a new process namespace that keeps it alive.
// adopt notes the process down; the holder begins only when that has succeeded.
func StartHolder(dir string, adopt func(Process) error) error {
	cmd, err := command(holderName, dir)
	if err != nil {
		return err
	}
	wait, permit, err := os.Pipe()
	if err != nil {
		return err
	}
	defer permit.Close() //nolint:errcheck // closed without a word it means no
	cmd.ExtraFiles = []*os.File{wait}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	if err := errors.Join(cmd.Start(), wait.Close()); err != nil {
		return fmt.Errorf("start holder: %w", err)
	}
	p, err := Find(cmd.Process.Pid)
	if err == nil {
		err = adopt(p)
	}
	if err != nil {
		return errors.Join(err, cmd.Process.Kill(), ignoreExit(cmd.Wait()))
	}
	if _, err := permit.Write([]byte{1}); err != nil {
		return fmt.Errorf("start holder: %w", err)
	}
	return cmd.Process.Release()
}

func ignoreExit(err error) error {
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil
	}
	return err
}

// dial connects to the shim in dir. The path of a socket may have 107 bytes, so
// it goes by way of an open directory.
func dial(ctx context.Context, dir string, req Request) (net.Conn, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // only a directory
	path := "/proc/self/fd/" + strconv.Itoa(int(d.Fd())) + "/" + socketFile
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(req)
	if err == nil {
		_, err = conn.Write(append(raw, '\n'))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// ErrLost is returned when a shim is gone and has not said how its container
// ended.
var ErrLost = errors.New("the shim is gone without a word")

// Wait waits until the container of the shim in dir has ended, calls ended with
// how, and returns when the shim itself has ended and its cgroup is gone.
func Wait(ctx context.Context, dir string, ended func(Exit)) error {
	exit, conn, err := waitExit(ctx, dir)
	if err != nil {
		return err
	}
	ended(exit)
	if conn == nil {
		return nil
	}
	// The shim keeps the connection for as long as it has something to clean up.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, _ = io.Copy(io.Discard, conn)
	return errors.Join(ctx.Err(), ignoreClosed(conn.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func waitExit(ctx context.Context, dir string) (Exit, net.Conn, error) {
	conn, err := dial(ctx, dir, Request{Op: "wait"})
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		line, readErr := bufio.NewReader(conn).ReadBytes('\n')
		stop()
		var exit Exit
		if readErr == nil && json.Unmarshal(line, &exit) == nil {
			return exit, conn, nil
		}
		_ = conn.Close()
	}
	if ctx.Err() != nil {
		return Exit{}, nil, ctx.Err()
	}
	exit, err := ReadExit(dir)
	if err != nil {
		return Exit{}, nil, fmt.Errorf("%w: %w", ErrLost, err)
	}
	return exit, nil, nil
}

// ReadExit returns how the container of a shim that is gone has ended.
func ReadExit(dir string) (Exit, error) {
	var exit Exit
	return exit, readJSON(filepath.Join(dir, exitFile), &exit)
}

// Signal sends a signal to the container's first process.
func Signal(ctx context.Context, dir string, sig syscall.Signal) error {
	return ask(ctx, dir, Request{Op: "signal", Signal: int(sig)})
}

// ReopenLog makes the shim open its log file anew.
func ReopenLog(ctx context.Context, dir string) error {
	return ask(ctx, dir, Request{Op: "reopen-log"})
}

func ask(ctx context.Context, dir string, req Request) error {
	conn, err := dial(ctx, dir, req)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // the answer is what counts
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var r reply
	if err := json.NewDecoder(conn).Decode(&r); err != nil {
		return fmt.Errorf("%s: %w", req.Op, err)
	}
	if r.Error != "" {
		return fmt.Errorf("%s: %s", req.Op, r.Error)
	}
	return nil
}

// An Attachment is a connection to a running container's streams.
type Attachment struct{ conn net.Conn }

// Attach connects to the container's streams. Output begins with what comes after
// the call.
func Attach(ctx context.Context, dir string, stdin bool) (*Attachment, error) {
	conn, err := dial(ctx, dir, Request{Op: "attach", Stdin: stdin})
	if err != nil {
		return nil, err
	}
	return &Attachment{conn}, nil
}

// Output copies the container's output until it ends. A nil writer gets nothing.
func (a *Attachment) Output(stdout, stderr io.Writer) error {
	in, buf := bufio.NewReaderSize(a.conn, maxFrame), make([]byte, maxFrame)
	for {
		kind, data, err := readFrame(in, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		w := stdout
		if kind == frameStderr {
			w = stderr
		}
		if w == nil {
			continue
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
}

// Write sends input to the container.
func (a *Attachment) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), maxFrame)]
		if err := writeFrame(a.conn, frameStdin, piece); err != nil {
			return n, err
		}
		n += len(piece)
		p = p[len(piece):]
	}
	return n, nil
}

// CloseInput says that no more input comes.
func (a *Attachment) CloseInput() error { return writeFrame(a.conn, frameStdinEOF, nil) }

// Resize tells the container's terminal its size, in characters.
func (a *Attachment) Resize(width, height uint16) error {
	size := binary.BigEndian.AppendUint16(nil, width)
	return writeFrame(a.conn, frameResize, binary.BigEndian.AppendUint16(size, height))
}

// Close ends the connection.
func (a *Attachment) Close() error { return a.conn.Close() }

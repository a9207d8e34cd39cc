//go:build linux

package shim

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime bounds the wait for output after a container's end. Its own processes
// are dead by then; only one that shares a process namespace can still hold the
// pipes.
const drainTime = time.Second

// A container is one container in the care of its shim.
type container struct {
	cfg    Config
	logger *slog.Logger

	listener net.Listener
	log      *logFile
	out      *output
	stdin    *stdin
	console  *os.File // the terminal's other side, nil without a terminal
	pidfd    int      // signals go through it, so that they never hit a successor

	exit    Exit
	ended   chan struct{} // closed when exit is set
	deleted chan struct{} // closed when runc has forgotten the container
}

// start makes the container and returns its first process.
func (c *container) start() (pid int, err error) {
	if err := writeJSON(shimPIDFile, Self()); err != nil {
		return 0, err
	}
	if c.log, err = openLog(c.cfg.LogPath); err != nil {
		return 0, fmt.Errorf("open log: %w", err)
	}
	if c.listener, err = net.Listen("unix", socketFile); err != nil {
		return 0, err
	}
	c.out = newOutput(c.log)
	if c.cfg.Terminal {
		err = c.runWithTerminal()
	} else {
		err = c.runWithPipes()
	}
	if err != nil {
		return 0, err
	}
	if pid, err = ContainerPID("."); err != nil {
		return 0, fmt.Errorf("read the container's pid: %w", err)
	}
	if c.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return 0, fmt.Errorf("open process %d: %w", pid, err)
	}
	return pid, nil
}

// runWithPipes starts the container with pipes as its standard streams.
func (c *container) runWithPipes() error {
	cmd := c.runc("run", "--detach", "--pid-file", pidFile, "--bundle", c.cfg.Bundle, c.cfg.ID)
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = outW, errW
	given := []io.Closer{outW, errW}
	if c.cfg.Stdin {
		inR, inW, err := os.Pipe()
		if err != nil {
			return err
		}
		cmd.Stdin, c.stdin = inR, newStdin(inW, c.cfg.StdinOnce)
		given = append(given, inR)
	}
	if err := c.runRunc(cmd); err != nil {
		return err
	}
	for _, f := range given {
		_ = f.Close() // the container has its own copies
	}
	c.out.copy(outR, frameStdout)
	c.out.copy(errR, frameStderr)
	return nil
}

// runWithTerminal starts the container on a terminal, whose other side runc sends
// over a socket.
func (c *container) runWithTerminal() error {
	cmd := c.runc("run", "--detach", "--pid-file", pidFile, "--console-socket", consolePath(),
		"--bundle", c.cfg.Bundle, c.cfg.ID)
	receive, err := listenConsole()
	if err != nil {
		return err
	}
	if err := c.runRunc(cmd); err != nil {
		return errors.Join(err, receive.Close())
	}
	if c.console, err = receive.Receive(); err != nil {
		return fmt.Errorf("receive the terminal: %w", err)
	}
	if c.cfg.Stdin {
		c.stdin = newStdin(nopCloser{c.console}, c.cfg.StdinOnce)
	}
	c.out.copy(c.console, frameStdout)
	return nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func (c *container) runc(args ...string) *exec.Cmd {
	global := []string{"--root", c.cfg.RuncRoot, "--log", runcLogFile, "--log-format", "json"}
	cmd := exec.Command(c.cfg.RuncPath, append(global, args...)...)
	// runc inherits what it passes on: nothing of ours.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	return cmd
}

// runRunc runs runc and reports its own words when it fails.
func (c *container) runRunc(cmd *exec.Cmd) error {
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if text := LastError(runcLogFile); text != "" {
		return errors.New(text)
	}
	return fmt.Errorf("%s: %w", c.cfg.RuncPath, err)
}

// run serves the container until it has ended and all has been said about it.
func (c *container) run(pid int) error {
	served := make(chan struct{})
	srv := &server{c: c, open: map[net.Conn]bool{}}
	go func() {
		defer close(served)
		srv.serve()
	}()
	exit, err := reap(pid)
	if err != nil {
		return err
	}
	exit.OOMKilled = exit.Code != 0 && oomKilled(c.cfg.OOMFile)
	c.out.drain(drainTime)
	if err := writeJSON(exitFile, exit); err != nil {
		c.logger.Error("the exit could not be written", "error", err)
	}
	c.exit = exit
	close(c.ended)
	err = errors.Join(c.listener.Close(), c.log.Close(), c.delete())
	close(c.deleted)
	srv.drain(drainTime)
	<-served
	return err
}

// delete removes what runc keeps of the container, its cgroup included. Where the
// container had no process namespace of its own, it kills what is left in it.
func (c *container) delete() error {
	if out, err := c.runc("delete", "--force", c.cfg.ID).CombinedOutput(); err != nil {
		return fmt.Errorf("runc delete: %w: %s", err, out)
	}
	return nil
}

// reap buries the dead until pid is among them.
func reap(pid int) (Exit, error) {
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(-1, &status, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Exit{}, fmt.Errorf("wait for process %d: %w", pid, err)
		}
		if got != pid {
			continue
		}
		exit := Exit{Code: status.ExitStatus(), Time: time.Now()}
		if status.Signaled() {
			exit.Code = 128 + int(status.Signal())
		}
		return exit, nil
	}
}

// oomKilled reads the line "oom_kill N", which cgroup v1 has in
// memory.oom_control and v2 in memory.events.
func oomKilled(path string) bool {
	raw, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(raw)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return n != "0"
		}
	}
	return false
}

// LastError returns the last error in a log that runc wrote as JSON, or "".
func LastError(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // only read from
	last := ""
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct{ Level, Msg string }
		if json.Unmarshal(lines.Bytes(), &entry) == nil && (entry.Level == "error" || entry.Level == "fatal") {
			last = entry.Msg
		}
	}
	return last
}

//go:build linux

package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is a process that can be told from a later one with the same number:
// by the time it started, in clock ticks since boot (proc_pid_stat(5), field 22).
type Process struct {
	PID   int
	Start uint64
}

// Self is this process.
func Self() Process {
	p, err := Find(os.Getpid())
	if err != nil {
		return Process{PID: os.Getpid()}
	}
	return p
}

// Find returns the process that has the number now.
func Find(pid int) (Process, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 20 {
		return Process{}, fmt.Errorf("/proc/%d/stat: too few fields", pid)
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return Process{PID: pid, Start: start}, err
}

// Kill kills the process if it is still the same.
func (p Process) Kill() error {
	if p.PID <= 0 {
		return nil
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return ignoreGone(err)
	}
	defer unix.Close(fd) //nolint:errcheck // only a handle
	if now, err := Find(p.PID); err != nil || now != p {
		return nil
	}
	return ignoreGone(unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0))
}

// WaitGone waits until the process has ended, whoever its parent is, and buries it
// if it is a child of ours. It reports whether the process ended within the limit.
func (p Process) WaitGone(limit time.Duration) bool {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd) //nolint:errcheck // only a handle
	if now, err := Find(p.PID); err != nil || now != p {
		return true
	}
	end := time.Now().Add(limit)
	for left := limit; left > 0; left = time.Until(end) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if err == nil && n > 0 {
			// It is dead. ECHILD says that burying it is somebody else's task.
			_, _ = unix.Wait4(p.PID, nil, unix.WNOHANG, nil)
			return true
		}
		if err != nil && err != unix.EINTR {
			return false
		}
	}
	return false
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// ShimOf returns the shim that was started in dir.
func ShimOf(dir string) (Process, error) {
	var p Process
	return p, readJSON(filepath.Join(dir, shimPIDFile), &p)
}

// ContainerPID returns the first process of the container of the shim in dir.
func ContainerPID(dir string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(raw)))
}

// tell reports to the runtime and closes the pipe.
func tell(w io.WriteCloser, s started) error {
	err := json.NewEncoder(w).Encode(s)
	return errors.Join(err, w.Close())
}

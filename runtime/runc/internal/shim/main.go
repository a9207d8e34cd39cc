//go:build linux

package shim

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The names under which the program is started again.
const (
	shimName   = "coracle-shim"
	holderName = "coracle-holder"
)

// Main turns the process into a shim or a holder if it was started as one, and
// then does not return. Programs that run containers call it first thing in main.
func Main() {
	if len(os.Args) == 0 {
		return
	}
	switch os.Args[0] {
	case shimName:
		os.Exit(shimMain())
	case holderName:
		os.Exit(holderMain())
	}
}

// Running reports whether this process was started as a shim. Where it is asked,
// the program forgot to call [Main].
func Running() bool {
	return len(os.Args) > 0 && (os.Args[0] == shimName || os.Args[0] == holderName)
}

// shimMain runs one container in the current directory, to its end. File
// descriptor 3 is the pipe for the report of the start.
func shimMain() int {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	report := os.NewFile(3, "report")
	unix.CloseOnExec(3)
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := runShim(report, logger); err != nil {
		logger.Error("shim ends", "error", err)
		return 1
	}
	return 0
}

func runShim(report io.WriteCloser, logger *slog.Logger) error {
	var cfg Config
	if err := readJSON(configFile, &cfg); err != nil {
		return tell(report, started{Error: err.Error()})
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return tell(report, started{Error: fmt.Sprintf("become a subreaper: %v", err)})
	}
	c := &container{cfg: cfg, logger: logger, ended: make(chan struct{}), deleted: make(chan struct{})}
	pid, err := c.start()
	if err != nil {
		return tell(report, started{Error: err.Error()})
	}
	if err := tell(report, started{PID: pid, Time: time.Now()}); err != nil {
		logger.Error("the runtime did not hear of the start", "error", err)
	}
	return c.run(pid)
}

// holderMain is the first process of a pod's shared process namespace: it does
// nothing but bury the dead. It begins when the runtime has noted it down, and a
// runtime that died before leaves no holder behind.
func holderMain() int {
	if n, _ := os.NewFile(3, "permission").Read(make([]byte, 1)); n == 0 {
		return 1
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	for range children {
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
		}
	}
	return 0
}

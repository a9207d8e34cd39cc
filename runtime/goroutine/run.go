package goroutine

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// exitPanic is the exit code of a Go program that panics.
const exitPanic = 2

// runProgram runs a program and calls done with its exit code, whether it
// returns, panics or calls runtime.Goexit (as a test's FailNow does).
func runProgram(ctx context.Context, program Program, p *Process, done func(code int)) {
	code, returned := exitPanic, false
	defer func() {
		if !returned {
			cause := recover()
			if cause == nil {
				cause = "runtime.Goexit was called"
			}
			fmt.Fprintf(p.Stderr, "panic: %v\n\n%s", cause, debug.Stack())
		}
		done(code)
	}()
	code = program(ctx, p)
	returned = true
}

// newProcess returns a process of the container with neither streams nor
// signals.
func (c *container) newProcess(args []string, host *Host) *Process {
	return &Process{
		Args: args, Env: c.env(), WorkingDir: c.workingDir(),
		Hostname: c.sandbox.hostname(), Pod: c.sandbox.pod(), Container: c.config.Metadata.Name,
		HTTP: &http.Client{Transport: &http.Transport{DialContext: host.Dial}},
		host: host, container: c, stopping: context.Background(),
	}
}

// newHost attaches one process to the pod's network.
func (c *container) newHost() *Host {
	host := c.runtime.network.Attach(c.sandbox.ip)
	host.pod = c.sandbox.pod().String()
	host.dns = newNameConfig(c.sandbox.config.DnsConfig)
	host.dns.hosts = c.hostsFile
	return host
}

// hostsFile is the text of the container's /etc/hosts, and its own name.
func (c *container) hostsFile() string {
	own := ""
	c.runtime.mu.Lock()
	if c.sandbox.ip.IsValid() {
		own = c.sandbox.ip.String() + " " + c.sandbox.hostname() + "\n"
	}
	c.runtime.mu.Unlock()
	data, err := c.files.readFile("/etc/hosts")
	if err != nil {
		return own
	}
	return string(data) + "\n" + own
}

// args are the process's arguments: the pod's command and args override the
// image's entrypoint and cmd, as Kubernetes has it.
func (c *container) args() []string {
	args := []string{}
	switch {
	case len(c.config.Command) > 0:
		args = append(args, c.config.Command...)
	default:
		args = append(args, c.image.Entrypoint...)
		if len(c.config.Args) == 0 {
			args = append(args, c.image.Cmd...)
		}
	}
	return append(args, c.config.Args...)
}

// env is the image's environment, overridden by the container's.
func (c *container) env() []string {
	env := slices.Clone(c.image.Env)
	for _, kv := range c.config.Envs {
		env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, kv.Key+"=") })
		env = append(env, kv.Key+"="+string(kv.Value))
	}
	return env
}

func (c *container) workingDir() string {
	if c.config.WorkingDir != "" {
		return c.config.WorkingDir
	}
	if c.image.WorkingDir != "" {
		return c.image.WorkingDir
	}
	return "/"
}

// stopSignal is the signal that begins a stop, by its number on Linux. Those
// that a program has no use for become SIGTERM.
func stopSignal(s cri.Signal) os.Signal {
	switch s {
	case cri.Signal_SIGNAL_SIGHUP:
		return syscall.Signal(1)
	case cri.Signal_SIGNAL_SIGINT:
		return syscall.Signal(2)
	case cri.Signal_SIGNAL_SIGQUIT:
		return syscall.Signal(3)
	case cri.Signal_SIGNAL_SIGUSR1:
		return syscall.Signal(10)
	case cri.Signal_SIGNAL_SIGUSR2:
		return syscall.Signal(12)
	case cri.Signal_SIGNAL_SIGWINCH:
		return syscall.Signal(28)
	}
	return syscall.SIGTERM
}

package goroutine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/coracle-k8s/coracle/runtime"
)

// A Process is what a [Program] has in place of the operating system: its
// arguments and environment, standard streams, files, signals and network. Its
// fields are the program's to read, not to change.
type Process struct {
	// Args are the command and its arguments; never nil, maybe empty.
	Args []string
	// Env is the environment, "KEY=value".
	Env        []string
	WorkingDir string

	// Stdin is at its end at once unless the container or the exec asks for it.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// TTY tells that the streams are a terminal; Stderr is then Stdout.
	TTY bool
	// Resize tells the terminal's size, nil without one.
	Resize <-chan runtime.TerminalSize

	Hostname  string
	Pod       Pod
	Container string // the container's name in the pod

	// Signals gets the signals sent to the process, such as syscall.SIGTERM,
	// when a stop begins. Like package os/signal it does not wait for a reader.
	Signals <-chan os.Signal
	// HTTP is a client on the pod's network.
	HTTP *http.Client

	host      *Host
	container *container
	stopping  context.Context
}

// A Pod is the pod a process runs in.
type Pod struct {
	Namespace, Name, UID string
}

// String returns "namespace/name".
func (p Pod) String() string { return p.Namespace + "/" + p.Name }

// Getenv returns the value of an environment variable, empty if it is not set.
func (p *Process) Getenv(key string) string {
	value := ""
	for _, entry := range p.Env {
		if k, v, _ := strings.Cut(entry, "="); k == key {
			value = v
		}
	}
	return value
}

// Stopping is closed when the container is asked to stop.
func (p *Process) Stopping() <-chan struct{} { return p.stopping.Done() }

// Graceful returns a context that ends when the container is asked to stop, or
// with ctx: what signal.NotifyContext is in a main function.
func (p *Process) Graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(p.stopping, cancel)
	return ctx, func() {
		unhook()
		cancel()
	}
}

// IP returns the pod's address, or the node's for a pod on the host's network.
func (p *Process) IP() netip.Addr { return p.host.IP() }

// Listen listens on a port of the pod; see [Host.Listen].
func (p *Process) Listen(network, addr string) (net.Listener, error) {
	return p.host.Listen(network, addr)
}

// Dial connects to a pod, a Service or a name; see [Host.Dial].
func (p *Process) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return p.host.Dial(ctx, network, addr)
}

// HandleExec makes exec run program for commands whose first word is name, in
// this container from now on.
func (p *Process) HandleExec(name string, program Program) {
	p.container.handleExec(name, program)
}

// SetCPU says how many cores the container uses from now on, 0.25 for a quarter
// of one. A CPU limit caps it.
func (p *Process) SetCPU(cores float64) { p.container.usage.setCPU(cores) }

// SetMemory says how many bytes of memory the container uses from now on. More
// than its memory limit kills it: OOMKilled, exit code 137.
func (p *Process) SetMemory(bytes uint64) {
	if p.container.usage.setMemory(bytes) {
		p.container.kill(exitKilled, "OOMKilled")
	}
}

// Logf writes a line to standard output.
func (p *Process) Logf(format string, args ...any) {
	fmt.Fprintf(p.Stdout, format+"\n", args...)
}

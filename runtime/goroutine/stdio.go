package goroutine

import (
	"io"
	"slices"
	"strings"
	"sync"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
)

// stdio are the standard streams of a container's first process: its output
// goes to the log and to all that are attached, its input comes from those.
//
//	program ──Stdout──► log file
//	                └─► pipe of each attached client
//	program ◄─Stdin──── pipe ◄── attached clients
type stdio struct {
	log    *containerLog
	stdin  *pipe // nil: the container has none
	tty    bool
	resize chan runtime.TerminalSize // nil without a terminal

	mu       sync.Mutex // guards the fields below
	attached []*attachment
	closed   bool
}

// attachment is one client's copy of the output.
type attachment struct {
	stdout, stderr *pipe
}

func newStdio(log *containerLog, config *cri.ContainerConfig) *stdio {
	s := &stdio{log: log, tty: config.Tty}
	if config.Stdin {
		s.stdin = newPipe()
	}
	if config.Tty {
		s.resize = make(chan runtime.TerminalSize, 1)
	}
	return s
}

// input is the process's standard input.
func (s *stdio) input() io.Reader {
	if s.stdin == nil {
		return strings.NewReader("")
	}
	return s.stdin
}

// output is the process's standard output or standard error.
func (s *stdio) output(stream string) io.Writer {
	if s.tty {
		stream = "stdout"
	}
	return outputStream{s, stream}
}

type outputStream struct {
	stdio *stdio
	name  string
}

// Write logs b, then gives it to those attached; one that does not read makes
// the process wait.
func (o outputStream) Write(b []byte) (int, error) {
	if err := o.stdio.log.write(o.name, b); err != nil {
		return 0, err
	}
	for _, a := range o.stdio.clients() {
		to := a.stdout
		if o.name == "stderr" {
			to = a.stderr
		}
		if _, err := to.Write(b); err != nil {
			o.stdio.detach(a)
		}
	}
	return len(b), nil
}

func (s *stdio) clients() []*attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.attached)
}

// attach returns a client's pipes: they carry what is written from now on.
func (s *stdio) attach() *attachment {
	a := &attachment{stdout: newPipe(), stderr: newPipe()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		a.end()
		return a
	}
	s.attached = append(s.attached, a)
	return a
}

func (s *stdio) detach(a *attachment) {
	s.mu.Lock()
	s.attached = slices.DeleteFunc(s.attached, func(b *attachment) bool { return a == b })
	s.mu.Unlock()
	a.stdout.closeRead()
	a.stderr.closeRead()
}

// end lets the client read what is left and then the end of the stream.
func (a *attachment) end() {
	a.stdout.closeWrite()
	a.stderr.closeWrite()
}

// setSize tells the process its terminal's size; only the newest one counts.
func (s *stdio) setSize(size runtime.TerminalSize) {
	for s.resize != nil {
		select {
		case s.resize <- size:
			return
		default:
		}
		select {
		case <-s.resize:
		default:
		}
	}
}

// close ends all streams when the process has ended.
func (s *stdio) close() error {
	s.mu.Lock()
	attached := s.attached
	s.attached, s.closed = nil, true
	s.mu.Unlock()
	if s.stdin != nil {
		s.stdin.abort(io.ErrClosedPipe)
	}
	err := s.log.close()
	for _, a := range attached {
		a.end()
	}
	return err
}

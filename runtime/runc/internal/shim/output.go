//go:build linux

package shim

import (
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// attachTime is how long an attached client may keep a container waiting before
// it is dropped.
const attachTime = 10 * time.Second

// An output copies a container's streams to its log and to whoever is attached.
type output struct {
	log     *logFile
	copying sync.WaitGroup

	mu      sync.Mutex // guards the fields below; held while clients are written to, which keeps frames whole
	sources []*os.File
	clients []net.Conn
}

func newOutput(log *logFile) *output { return &output{log: log} }

// copy copies from f until its end, in a goroutine that drain waits for.
func (o *output) copy(f *os.File, kind byte) {
	o.mu.Lock()
	o.sources = append(o.sources, f)
	o.mu.Unlock()
	stream := "stdout"
	if kind == frameStderr {
		stream = "stderr"
	}
	lines := newLineWriter(o.log, stream)
	o.copying.Go(func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := f.Read(buf)
			_, _ = lines.Write(buf[:n])
			if n > 0 {
				o.send(kind, buf[:n])
			}
			if err != nil {
				break // the end; a terminal says EIO
			}
		}
		_ = lines.Close()
	})
}

func (o *output) send(kind byte, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clients = slices.DeleteFunc(o.clients, func(c net.Conn) bool {
		_ = c.SetWriteDeadline(time.Now().Add(attachTime))
		if err := writeFrame(c, kind, data); err != nil {
			_ = c.Close()
			return true
		}
		return false
	})
}

func (o *output) attach(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clients = append(o.clients, c)
}

func (o *output) detach(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clients = slices.DeleteFunc(o.clients, func(other net.Conn) bool { return other == c })
}

// drain waits until all output is copied, at most for the given time.
func (o *output) drain(limit time.Duration) {
	done := make(chan struct{})
	go func() {
		o.copying.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
	o.mu.Lock()
	for _, f := range o.sources {
		_ = f.SetReadDeadline(time.Now()) // ends a copy that is still waiting
	}
	o.mu.Unlock()
	<-done
}

// A stdin is the way into a container. With once, it ends when the first client
// that was attached to it leaves.
type stdin struct {
	once bool

	mu sync.Mutex // guards the field below
	w  io.WriteCloser
}

func newStdin(w io.WriteCloser, once bool) *stdin { return &stdin{once: once, w: w} }

func (s *stdin) Write(p []byte) (int, error) {
	s.mu.Lock()
	w := s.w
	s.mu.Unlock()
	if w == nil {
		return 0, os.ErrClosed
	}
	return w.Write(p)
}

// detach is called when a client's input ended.
func (s *stdin) detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.once && s.w != nil {
		_ = s.w.Close()
		s.w = nil
	}
}

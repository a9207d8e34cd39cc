//go:build linux

package shim

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A server answers requests on the socket.
type server struct {
	c     *container
	conns sync.WaitGroup

	mu   sync.Mutex // guards the field below
	open map[net.Conn]bool
}

func (s *server) serve() {
	for {
		conn, err := s.c.listener.Accept()
		if err != nil {
			break // closed at the container's end
		}
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		s.conns.Go(func() {
			s.handle(conn)
			_ = conn.Close()
			s.mu.Lock()
			delete(s.open, conn)
			s.mu.Unlock()
		})
	}
	s.conns.Wait()
}

// drain gives connections some time to end by themselves, then cuts them.
func (s *server) drain(limit time.Duration) {
	done := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = conn.Close()
	}
}

func (s *server) handle(conn net.Conn) {
	in := bufio.NewReader(conn)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return
	}
	var req Request
	if err := json.Unmarshal(line, &req); err != nil {
		answer(conn, reply{Error: err.Error()})
		return
	}
	switch req.Op {
	case "wait":
		<-s.c.ended
		answer(conn, s.c.exit)
		<-s.c.deleted
	case "signal":
		answer(conn, replyOf(s.c.signal(req.Signal)))
	case "reopen-log":
		answer(conn, replyOf(s.c.log.reopen()))
	case "attach":
		s.attach(conn, in, req)
	default:
		answer(conn, replyOf(fmt.Errorf("unknown request %q", req.Op)))
	}
}

func replyOf(err error) reply {
	if err != nil {
		return reply{Error: err.Error()}
	}
	return reply{}
}

func answer(conn net.Conn, v any) {
	raw, err := json.Marshal(v)
	if err == nil {
		_, _ = conn.Write(append(raw, '\n'))
	}
}

func (c *container) signal(sig int) error {
	err := unix.PidfdSendSignal(c.pidfd, unix.Signal(sig), nil, 0)
	if err == unix.ESRCH {
		return nil // it has ended by itself
	}
	return err
}

// attach passes frames both ways until the container ends or the client leaves.
func (s *server) attach(conn net.Conn, in io.Reader, req Request) {
	s.c.out.attach(conn)
	defer s.c.out.detach(conn)
	left := make(chan struct{})
	s.conns.Go(func() {
		defer close(left)
		s.input(in, req.Stdin)
	})
	select {
	case <-s.c.ended:
	case <-left:
	}
}

// input reads a client's frames until it leaves.
func (s *server) input(in io.Reader, wantStdin bool) {
	stdin := s.c.stdin
	if !wantStdin {
		stdin = nil
	}
	defer func() {
		if stdin != nil {
			stdin.detach()
		}
	}()
	buf := make([]byte, maxFrame)
	for {
		kind, data, err := readFrame(in, buf)
		if err != nil {
			return
		}
		switch {
		case kind == frameStdin && stdin != nil:
			_, _ = stdin.Write(data)
		case kind == frameStdinEOF && stdin != nil:
			stdin.detach()
		case kind == frameResize && len(data) == 4 && s.c.console != nil:
			_ = resize(s.c.console, binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:]))
		}
	}
}

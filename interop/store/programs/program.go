package programs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// patience is how long a program may take to start or to stop.
const patience = 30 * time.Second

// A Program is a server of etcd's API that runs as a process.
type Program struct {
	// Name says which it is, in tables and errors.
	Name string
	// Address is where it listens for clients, host:port.
	Address string

	command []string
	environ []string
	log     io.Writer
	process *exec.Cmd
	ended   chan error // has the one result of the process
}

// Start starts the program, again if it has ended, on the data it had. It does
// not wait; see [Program.Ready].
func (p *Program) Start() error {
	p.process = exec.Command(p.command[0], p.command[1:]...)
	p.process.Env = append(os.Environ(), p.environ...)
	p.process.Stdout, p.process.Stderr = p.log, p.log
	if err := p.process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(p.process, p.ended)
	return nil
}

// Ready waits until the program answers a read.
func (p *Program) Ready(ctx context.Context) error {
	client, err := Dial(p)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		_, err := client.Get(attempt, "\x00")
		cancel()
		if err == nil {
			return nil
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("%s ended when it should start: %v", p.Name, err)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.Name, errors.Join(err, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// PID is the number of the process.
func (p *Program) PID() int { return p.process.Process.Pid }

// Running reports whether the process has not ended.
func (p *Program) Running() bool {
	select {
	case err := <-p.ended:
		p.ended <- err
		return false
	default:
		return true
	}
}

// Kill ends the process at once, as kill -9 does, and waits for its end.
func (p *Program) Kill() error { return p.end(syscall.SIGKILL) }

// Pause keeps the process from running until Resume, or until it is to end.
func (p *Program) Pause() error { return p.process.Process.Signal(syscall.SIGSTOP) }

// Resume ends a pause.
func (p *Program) Resume() error { return p.process.Process.Signal(syscall.SIGCONT) }

// Stop asks the process to end, and waits. To stop a program that has ended is
// allowed.
func (p *Program) Stop() error { return p.end(syscall.SIGTERM) }

func (p *Program) end(signal os.Signal) error {
	if p.process == nil {
		return nil
	}
	if err := p.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.Name, err)
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		return nil // how it ended is its own business
	case <-time.After(patience):
		_ = p.process.Process.Kill()
		return fmt.Errorf("%s did not end within %v", p.Name, patience)
	}
}

// Dial returns a client of these programs, which are one cluster.
func Dial(ps ...*Program) (*clientv3.Client, error) {
	var endpoints []string
	for _, p := range ps {
		endpoints = append(endpoints, p.Address)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", strings.Join(endpoints, ","), err)
	}
	return client, nil
}

// freeAddresses returns addresses on loopback that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all of them are chosen, so that they differ
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

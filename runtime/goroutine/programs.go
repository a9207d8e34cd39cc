package goroutine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Pause is a program that does nothing until it is stopped.
func Pause(ctx context.Context, p *Process) int {
	select {
	case <-ctx.Done():
	case <-p.Stopping():
	}
	return 0
}

// Serve returns a program that serves HTTP on addr (":8080"). When it is asked
// to stop it answers the requests under way, then exits 0.
func Serve(addr string, handler func(p *Process) http.Handler) Program {
	return func(ctx context.Context, p *Process) int {
		listener, err := p.Listen("tcp", addr)
		if err != nil {
			fmt.Fprintln(p.Stderr, err)
			return 1
		}
		server := &http.Server{Handler: handler(p)}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		defer server.Close()
		select {
		case err := <-served:
			fmt.Fprintln(p.Stderr, err)
			return 1
		case <-ctx.Done():
		case <-p.Stopping():
			_ = server.Shutdown(ctx)
		}
		_ = server.Close()
		<-served
		return 0
	}
}

// Tools are the commands that exec finds in every container unless
// [Config.Exec] says otherwise: true, false, echo, cat, env, hostname, sleep.
func Tools() map[string]Program {
	return map[string]Program{
		"true":     func(context.Context, *Process) int { return 0 },
		"false":    func(context.Context, *Process) int { return 1 },
		"echo":     echo,
		"cat":      cat,
		"env":      env,
		"hostname": hostname,
		"sleep":    sleep,
	}
}

func echo(_ context.Context, p *Process) int {
	fmt.Fprintln(p.Stdout, strings.Join(p.Args[1:], " "))
	return 0
}

func env(_ context.Context, p *Process) int {
	for _, entry := range p.Env {
		fmt.Fprintln(p.Stdout, entry)
	}
	return 0
}

func hostname(_ context.Context, p *Process) int {
	fmt.Fprintln(p.Stdout, p.Hostname)
	return 0
}

// cat copies files, or standard input if none is named, to standard output.
func cat(_ context.Context, p *Process) int {
	if len(p.Args) == 1 {
		_, _ = io.Copy(p.Stdout, p.Stdin)
		return 0
	}
	code := 0
	for _, name := range p.Args[1:] {
		data, err := p.ReadFile(name)
		if err != nil {
			fmt.Fprintln(p.Stderr, "cat:", err)
			code = 1
		}
		_, _ = p.Stdout.Write(data)
	}
	return code
}

// sleep waits for a number of seconds ("1.5") or a Go duration ("1m").
func sleep(ctx context.Context, p *Process) int {
	var wait time.Duration
	for _, text := range p.Args[1:] {
		d, err := time.ParseDuration(text)
		if err != nil {
			d, err = time.ParseDuration(text + "s")
		}
		if err != nil {
			fmt.Fprintf(p.Stderr, "sleep: invalid time %q\n", text)
			return 1
		}
		wait += d
	}
	select {
	case <-time.After(wait):
		return 0
	case <-ctx.Done():
	case <-p.Stopping():
	}
	return 143
}

package goroutinetest

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/coracle-k8s/coracle/runtime/goroutine"
	"github.com/coracle-k8s/coracle/runtime/runtimetest"
)

// guestPath is the word that the guest's command lines begin with.
const guestPath = "/guest"

// Target returns a new runtime with the guest image of package runtimetest. It
// is closed with the test.
func Target(t *testing.T) runtimetest.Target {
	rt := goroutine.New(goroutine.Config{
		Images: goroutine.NewRegistry(map[string]goroutine.Image{
			"guest:latest": {Program: Guest, Exec: map[string]goroutine.Program{guestPath: Guest}, Size: 1 << 20},
		}),
		PodCIDR: netip.MustParsePrefix("10.0.1.0/24"),
		RootDir: t.TempDir(),
	})
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Errorf("close runtime: %v", err)
		}
	})
	return runtimetest.Target{
		Runtime: rt, Image: "guest:latest", Commands: runtimetest.GuestCommands(guestPath),
	}
}

// Guest is the program of runtimetest's guest folder as a [goroutine.Program].
func Guest(ctx context.Context, p *goroutine.Process) int {
	if err := guest(ctx, p); err != nil {
		fmt.Fprintln(p.Stderr, "guest:", err)
		return 1
	}
	if len(p.Args) > 2 && p.Args[1] == "exit" {
		code, err := strconv.Atoi(p.Args[2])
		if err != nil {
			panic(err)
		}
		return code
	}
	return 0
}

func guest(ctx context.Context, p *goroutine.Process) error {
	args := append(append([]string{}, p.Args...), "", "", "", "")[1:]
	switch args[0] {
	case "sleep":
		p.Logf("ready")
		goroutine.Pause(ctx, p)
	case "stubborn":
		p.Logf("ready")
		<-ctx.Done()
	case "echo":
		_, err := io.Copy(p.Stdout, p.Stdin)
		return err
	case "exit":
	case "print":
		fmt.Fprint(p.Stdout, args[1])
		fmt.Fprint(p.Stderr, args[2])
	case "getenv":
		fmt.Fprint(p.Stdout, p.Getenv(args[1]))
	case "cat":
		data, err := p.ReadFile(args[1])
		_, _ = p.Stdout.Write(data)
		return err
	case "write":
		return p.WriteFile(args[1], []byte(args[2]))
	case "serve":
		return serve(ctx, p, args[1])
	default:
		return fmt.Errorf("unknown command %q", args[0])
	}
	return nil
}

// serve sends back what each connection sends. Connections end with the
// process.
func serve(ctx context.Context, p *goroutine.Process, port string) error {
	listener, err := p.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	p.Logf("ready")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	goroutine.Pause(ctx, p)
	return nil
}

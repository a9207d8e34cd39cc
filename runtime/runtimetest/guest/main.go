// Command guest is the program inside the containers of package runtimetest. It
// needs nothing but a kernel when it is built with CGO_ENABLED=0; an image with
// it alone is enough for the kit.
//
//	guest sleep | stubborn | echo | exit CODE | print STDOUT STDERR |
//	      getenv NAME | cat FILE | write FILE TEXT | serve PORT
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	args = append(args, "", "", "") // what is missing is empty
	switch args[0] {
	case "sleep":
		signals := terminated()
		fmt.Println("ready")
		<-signals
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		for {
			time.Sleep(time.Hour)
		}
	case "echo":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "exit":
		code, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		os.Exit(code)
	case "print":
		fmt.Fprint(os.Stdout, args[1])
		fmt.Fprint(os.Stderr, args[2])
	case "getenv":
		fmt.Print(os.Getenv(args[1]))
	case "cat":
		data, err := os.ReadFile(args[1])
		fmt.Print(string(data))
		return err
	case "write":
		return os.WriteFile(args[1], []byte(args[2]), 0o644)
	case "serve":
		return serve(args[1])
	default:
		return fmt.Errorf("unknown command %q", args[0])
	}
	return nil
}

func terminated() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	return signals
}

// serve sends back what each connection sends, until SIGTERM.
func serve(port string) error {
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	signals := terminated()
	fmt.Println("ready")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	<-signals
	return nil
}

// Tool is the program in the containers of the runtime's tests. Its first argument
// says what it does.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var version = "unset"

func main() {
	if len(os.Args) < 2 {
		fail("no command")
	}
	args := os.Args[2:]
	switch os.Args[1] {
	case "version":
		fmt.Println(version)
	case "echo":
		fmt.Println(strings.Join(args, " "))
	case "print": // without an end of line
		fmt.Print(strings.Join(args, " "))
	case "both":
		fmt.Fprintln(os.Stdout, "to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
	case "exit":
		os.Exit(number(args))
	case "sleep":
		time.Sleep(time.Hour)
	case "term": // ends in good order when asked to
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1)
		fmt.Println("ready")
		fmt.Println("got", <-ch)
	case "stubborn": // does not end when asked to
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "cat":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "lines": // answers each line
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			fmt.Println("you said", in.Text())
		}
	case "ticks":
		for i := 0; ; i++ {
			fmt.Println("tick", i)
			time.Sleep(20 * time.Millisecond)
		}
	case "read":
		for _, path := range args {
			raw, err := os.ReadFile(path)
			check(err)
			fmt.Printf("%s", raw)
		}
	case "write":
		check(os.WriteFile(args[0], []byte(args[1]), 0o644))
	case "list":
		entries, err := os.ReadDir(args[0])
		check(err)
		for _, e := range entries {
			fmt.Println(e.Name())
		}
	case "status": // lines of /proc/self/status
		raw, err := os.ReadFile("/proc/self/status")
		check(err)
		for line := range strings.Lines(string(raw)) {
			for _, want := range args {
				if strings.HasPrefix(line, want+":") {
					fmt.Print(line)
				}
			}
		}
	case "env":
		for _, name := range args {
			fmt.Println(name + "=" + os.Getenv(name))
		}
	case "cwd":
		dir, err := os.Getwd()
		check(err)
		fmt.Println(dir)
	case "hostname":
		name, err := os.Hostname()
		check(err)
		fmt.Println(name)
	case "readlink":
		target, err := os.Readlink(args[0])
		check(err)
		fmt.Println(target)
	case "serve": // a TCP server that answers each connection's bytes in capitals
		l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
		check(err)
		fmt.Println("ready")
		for {
			conn, err := l.Accept()
			check(err)
			go func() {
				raw, _ := io.ReadAll(conn)
				_, _ = conn.Write([]byte(strings.ToUpper(string(raw))))
				_ = conn.Close()
			}()
		}
	case "burn":
		for {
		}
	case "eat": // memory, in MiB
		var held [][]byte
		for range number(args) {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
		}
		fmt.Println("ate", len(held))
		time.Sleep(time.Hour)
	case "winsize":
		winsize()
	default:
		fail("unknown command " + os.Args[1])
	}
}

func number(args []string) int {
	n, err := strconv.Atoi(args[0])
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}

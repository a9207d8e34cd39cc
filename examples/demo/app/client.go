//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"
)

// client is what the program does with arguments: it asks another copy of
// itself, or talks to a terminal. It returns the exit code.
//
//	app get [-n N | -until-eof] [-c N] URL   asks, and says who answered how often
//	app wait                                 does nothing until it is told to end
//	app talk                                 answers what is typed
func client(args []string) int {
	var err error
	switch args[0] {
	case "get":
		err = get(args[1:])
	case "wait":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		<-ctx.Done()
	case "talk":
		err = talk(os.Stdin, os.Stdout)
	default:
		err = fmt.Errorf("unknown command %q: want get, wait or talk", args[0])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A tally counts answers.
type tally struct {
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Pods     map[string]int `json:"pods"`
	Versions map[string]int `json:"versions"`
	// Errors are the first few.
	Errors []string `json:"errors,omitempty"`

	mu sync.Mutex
}

func get(args []string) error {
	flags := flag.NewFlagSet("get", flag.ContinueOnError)
	n := flags.Int("n", 60, "number of requests")
	untilEOF := flags.Bool("until-eof", false, "go on until the standard input ends")
	c := flags.Int("c", 1, "how many at the same time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("want one URL")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if *untilEOF {
		*n = math.MaxInt
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	t := tally{Pods: map[string]int{}, Versions: map[string]int{}}
	work := make(chan struct{})
	var workers sync.WaitGroup
	for range *c {
		workers.Go(func() {
			for range work {
				t.count(ask(flags.Arg(0)))
			}
		})
	}
	for i := 0; i < *n && ctx.Err() == nil; i++ {
		select {
		case work <- struct{}{}:
		case <-ctx.Done():
		}
	}
	close(work)
	workers.Wait()
	return json.NewEncoder(os.Stdout).Encode(&t)
}

// ask makes one request, over a connection of its own, so that each is spread
// anew.
func ask(url string) (greeting, error) {
	once := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := once.Get(url)
	if err != nil {
		return greeting{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return greeting{}, err
	}
	if resp.StatusCode != 200 {
		return greeting{}, fmt.Errorf("%s: %s", resp.Status, body)
	}
	var g greeting
	if resp.Header.Get("Content-Type") == "application/json" {
		err = json.Unmarshal(body, &g)
	}
	return g, err
}

func (t *tally) count(g greeting, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Requests++
	if err != nil {
		t.Failed++
		if len(t.Errors) < 5 {
			t.Errors = append(t.Errors, err.Error())
		}
		return
	}
	t.Pods[g.Pod]++
	t.Versions[g.Version]++
}

// talk answers lines, and says whether it talks to a terminal.
func talk(in *os.File, out io.Writer) error {
	fmt.Fprintf(out, "this is version %s, terminal: %t\n", version, term.IsTerminal(int(in.Fd())))
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if lines.Text() == "bye" {
			break
		}
		fmt.Fprintf(out, "you said: %s\n", lines.Text())
	}
	return lines.Err()
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.DurationVar(&o.round, "round", time.Second, "how long a round of a line takes that is not done before")
	flag.IntVar(&o.rounds, "rounds", 5, "how many rounds each server has of each line")
	flag.IntVar(&o.clients, "clients", 32, "how many clients send requests")
	flag.IntVar(&o.watchers, "watchers", 200, "how many watches there are in the lines about watches")
	flag.IntVar(&o.pods, "pods", 5000, "how many pods there are")
	flag.BoolVar(&o.decode, "decode", false, "decode lists and watch events in the client")
	flag.BoolVar(&o.plain, "plain", false, "ask for answers that are not compressed")
	flag.StringVar(&o.dir, "dir", "", "folder on the disk to write to (default the temporary one)")
	flag.StringVar(&o.only, "only", "", "only the lines whose name contains this; pods are made all the same")
	flag.StringVar(&o.server, "server", "", "only one server: kube-apiserver or coracle")
	flag.StringVar(&o.profiles, "profiles", "", "folder for a processor and a memory profile of each server at each line")
	flag.BoolVar(&o.verbose, "v", false, "show what the servers say")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "bench compares coracle apiserver with kube-apiserver and etcd, and prints a table.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	round                           time.Duration
	rounds, clients, watchers, pods int
	decode, plain, verbose          bool
	dir, only, server, profiles     string
}

// run measures the servers line by line and prints the table.
func (o options) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp(o.dir, "bench-api")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	t := &table{}
	var sides []*side
	for _, open := range []func(context.Context, options, string) (*side, error){openKube, openCoracle} {
		s, err := open(ctx, o, filepath.Join(dir, fmt.Sprint(len(sides))))
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		sides = append(sides, s)
	}
	t.started(sides)
	for _, l := range o.lines() {
		if !l.always && !strings.Contains(l.name, o.only) {
			continue
		}
		if err := o.measure(ctx, l, sides, t); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	if err := t.memory(sides); err != nil {
		return err
	}
	t.print(os.Stdout, o, sides)
	return nil
}

// measure lets the servers take turns at a line.
func (o options) measure(ctx context.Context, l line, sides []*side, t *table) error {
	results := make([]result, len(sides))
	for round := range o.rounds {
		for i, s := range sides {
			progress("%s: round %d of %d, %s", l.name, round+1, o.rounds, s.name)
			err := alone(s, sides, func() error {
				return o.profiled(ctx, s, l, func() error { return results[i].round(ctx, s, l, round) })
			})
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	progress("")
	for i, s := range sides {
		fmt.Fprintf(os.Stderr, "%-32s %-18s %10s/s  p99 %s\n", l.name, s.name, number(results[i].rate()), results[i].percentile(99).Round(100*time.Microsecond))
	}
	t.line(l, results)
	return nil
}

// alone does something while the other sides rest.
func alone(s *side, sides []*side, do func() error) (err error) {
	for _, other := range sides {
		if other != s {
			if err := other.pause(); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, other.resume()) }()
		}
	}
	return do()
}

// progress replaces the line that a terminal shows. A file does not get it.
func progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}

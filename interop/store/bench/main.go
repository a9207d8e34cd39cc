package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/coracle-k8s/coracle/interop/store/programs"
)

func main() {
	programs.Main() // if we are the server
	// The garbage of the clients is none of the servers' business, but takes time from
	// them: it is collected seldom.
	debug.SetGCPercent(400)
	var o options
	flag.DurationVar(&o.round, "round", 2*time.Second, "how long a round takes")
	flag.IntVar(&o.rounds, "rounds", 5, "how many rounds each server has of each line")
	flag.StringVar(&o.dir, "dir", "", "folder on the disk to be measured (default the temporary one)")
	flag.StringVar(&o.only, "only", "", "only the lines that begin with this")
	flag.StringVar(&o.profiles, "profiles", "", "folder for profiles of our server and of the client")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	round  time.Duration
	rounds int
	dir    string
	only   string

	profiles string
}

func (o options) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp(o.dir, "bench-store")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	endProfile, err := programs.StartProfile(o.profile("client"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, endProfile()) }()
	t := newTable(os.Stdout)
	if err := o.sideBySide(ctx, dir, t); err != nil {
		return err
	}
	return o.inProcess(ctx, dir, t)
}

// sideBySide measures both servers.
func (o options) sideBySide(ctx context.Context, dir string, t *table) (err error) {
	etcd, err := start(ctx, filepath.Join(dir, "etcd"), programs.Etcd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, etcd.Stop()) }()
	coracle, err := start(ctx, filepath.Join(dir, "coracle"), o.coracle)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, coracle.Stop()) }()
	t.head("", "etcd v3.7.3", "coracle", "times", "at most", "µs of etcd's CPU for each", "its client's", "µs of coracle's", "its client's")
	for _, w := range works {
		if !o.wants(w.name) {
			continue
		}
		theirs, ours, err := o.compare(ctx, w, etcd, coracle)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		t.row(w.name, number(theirs.rate), number(ours.rate), ratio(ours.rate/theirs.rate), ratio(atMost(theirs, ours)),
			micros(theirs.micros), micros(theirs.client), micros(ours.micros), micros(ours.client))
	}
	return nil
}

// coracle is our server, with a profile if one is wanted.
func (o options) coracle(dir string, log io.Writer) (*programs.Program, error) {
	p, err := programs.Coracle(dir, log)
	if err == nil && o.profiles != "" {
		p.Profile(o.profile("coracle"))
	}
	return p, err
}

// profile returns where to write a profile, empty for nowhere.
func (o options) profile(of string) string {
	if o.profiles == "" {
		return ""
	}
	return filepath.Join(o.profiles, of+".pprof")
}

// A figure is what was measured of one server.
type figure struct {
	rate   float64 // operations per second
	micros float64 // processor time of the server for an operation, in microseconds
	client float64 // that of the client
}

// atMost returns how many times as fast as theirs a server would be that took no time
// at all, when its client is as busy as ours, and processors are all that counts.
func atMost(theirs, ours figure) float64 { return (theirs.micros + theirs.client) / ours.client }

// compare returns the medians of the rounds of a line.
func (o options) compare(ctx context.Context, w work, etcd, coracle *programs.Program) (theirs, ours figure, err error) {
	programsOf := []*programs.Program{etcd, coracle}
	figures := make([][]figure, len(programsOf))
	for range o.rounds {
		for i, p := range programsOf {
			f, err := measure(ctx, w, p, o.round)
			if err != nil {
				return theirs, ours, fmt.Errorf("%s: %w", p.Name, err)
			}
			figures[i] = append(figures[i], f)
		}
	}
	return medians(figures[0]), medians(figures[1]), nil
}

// medians returns the median of each number.
func medians(figures []figure) figure {
	var rates, micros, client []float64
	for _, f := range figures {
		rates, micros, client = append(rates, f.rate), append(micros, f.micros), append(client, f.client)
	}
	return figure{median(rates), median(micros), median(client)}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

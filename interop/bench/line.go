package main

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A line is one line of the table: what many clients do at the same time.
type line struct {
	name string
	// always says that other lines need what this one does.
	always bool
	// total is how often it is done in all rounds together; zero means for a time.
	total int64
	// each does it once, with one of the clients. i counts from zero.
	each func(ctx context.Context, s *side, client int, i int64) error
	// run is for a line that is no loop of clients. It does it for a round and
	// returns how much it did, the latencies of that, and how long all of it took.
	run func(ctx context.Context, s *side) (int64, []time.Duration, time.Duration, error)
}

// A result is what a server did in all rounds of a line.
type result struct {
	done      int64
	took, cpu time.Duration
	latencies []time.Duration
}

// round does one round of a line and adds it.
func (r *result) round(ctx context.Context, s *side, l line, round int) error {
	before, err := s.cpu()
	if err != nil {
		return err
	}
	done, latencies, took, err := l.do(ctx, s, r.done, round)
	if err != nil {
		return err
	}
	r.took += took
	r.done += done
	r.latencies = append(r.latencies, latencies...)
	after, err := s.cpu()
	r.cpu += after - before
	return err
}

func (l line) do(ctx context.Context, s *side, from int64, round int) (int64, []time.Duration, time.Duration, error) {
	if l.run != nil {
		return l.run(ctx, s)
	}
	limit := int64(1) << 62
	if l.total > 0 {
		limit = l.total * int64(round+1) / int64(s.rounds)
	}
	begin := time.Now()
	done, latencies, err := s.loop(ctx, from, limit, l.each)
	return done, latencies, time.Since(begin), err
}

// loop has all clients do something again and again, numbered from a number to
// below a limit, or for as long as a round is. It returns how often it was done.
func (s *side) loop(ctx context.Context, from, limit int64, each func(context.Context, *side, int, int64) error) (int64, []time.Duration, error) {
	until := time.Now().Add(s.options.round)
	if limit < 1<<62 {
		until = until.Add(maxRound)
	}
	var group errgroup.Group
	var next atomic.Int64
	next.Store(from)
	latencies := make([][]time.Duration, len(s.clients))
	for c := range s.clients {
		group.Go(func() error {
			for begin := time.Now(); begin.Before(until); begin = time.Now() {
				i := next.Add(1) - 1
				if i >= limit {
					return nil
				}
				if err := each(ctx, s, c, i); err != nil {
					return err
				}
				latencies[c] = append(latencies[c], time.Since(begin))
			}
			return nil
		})
	}
	err := group.Wait()
	all := slices.Concat(latencies...)
	return int64(len(all)), all, err
}

// maxRound ends a round that does not get done.
const maxRound = 15 * time.Second

// rate is how much was done in a second.
func (r *result) rate() float64 { return float64(r.done) / r.took.Seconds() }

// micros is the server's processor time for each, in microseconds.
func (r *result) micros() float64 { return float64(r.cpu.Microseconds()) / float64(max(r.done, 1)) }

// percentile returns the latency that p of a hundred do not exceed.
func (r *result) percentile(p int) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	slices.Sort(r.latencies)
	return r.latencies[min(len(r.latencies)*p/100, len(r.latencies)-1)]
}

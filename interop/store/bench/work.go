package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/interop/store/programs"
)

const (
	// maxConnections is among how many connections clients share.
	maxConnections = 16
	// valueSize is how many bytes are put under a key.
	valueSize = 1024
	// keys is how many keys there are.
	keys = 10_000
	// watchers is how many watch all of them.
	watchers = 50
	// page is the limit of a list, as controllers ask for it.
	page = 500
)

// A work is what many clients do at the same time, in a loop.
type work struct {
	name    string
	clients int
	// each does one operation and returns how many it counts for. i is a number
	// that no other call has.
	each func(ctx context.Context, c *clientv3.Client, i int64) (int64, error)
	// run is for work that is no loop of clients. It returns what was done.
	run func(ctx context.Context, p *programs.Program, clients []*clientv3.Client, d time.Duration) (int64, error)
}

// works are the lines of the table.
var works = []work{
	{name: "durable puts/s, 1 client", clients: 1, each: put},
	{name: "durable puts/s, 16 clients", clients: 16, each: put},
	{name: "durable puts/s, 256 clients", clients: 256, each: put},
	{name: "gets/s, 64 clients", clients: 64, each: get},
	{name: "gets/s, lean clients", run: leanGets},
	{name: "keys listed/s in pages of 500, 8 clients", clients: 8, each: list},
	{name: "watch events/s, 50 watchers of 64 writers", clients: 64, run: fanOut},
	{name: "watch events/s, 50 lean watchers of lean writers", run: leanFanOut},
	{name: "watch events/s, 8 watchers of the past", clients: 8, run: replay},
}

func key(i int64) string { return fmt.Sprintf("/registry/bench/key-%06d", i%keys) }

var value = string(make([]byte, valueSize))

func put(ctx context.Context, c *clientv3.Client, i int64) (int64, error) {
	_, err := c.Put(ctx, key(i), value)
	return 1, err
}

func get(ctx context.Context, c *clientv3.Client, i int64) (int64, error) {
	_, err := c.Get(ctx, key(i*7919))
	return 1, err
}

func list(ctx context.Context, c *clientv3.Client, i int64) (int64, error) {
	end := clientv3.GetPrefixRangeEnd("/registry/bench/")
	r, err := c.Get(ctx, key(i*7919), clientv3.WithRange(end), clientv3.WithLimit(page))
	if err != nil {
		return 0, err
	}
	return int64(len(r.Kvs)), nil
}

// start starts a program on an empty folder and writes all keys.
func start(ctx context.Context, dir string, program func(string, io.Writer) (*programs.Program, error)) (*programs.Program, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p, err := program(dir, os.Stderr)
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	if err := p.Ready(ctx); err != nil {
		return nil, err
	}
	clients, err := dial(p, 64)
	if err != nil {
		return nil, err
	}
	defer hangUp(clients)
	var group errgroup.Group
	var next atomic.Int64
	for _, c := range clients {
		group.Go(func() error {
			for i := next.Add(1) - 1; i < keys; i = next.Add(1) - 1 {
				if _, err := put(ctx, c, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return p, group.Wait()
}

// dial returns n clients that share at most maxConnections connections.
func dial(p *programs.Program, n int) ([]*clientv3.Client, error) {
	var clients []*clientv3.Client
	for i := range n {
		if i >= maxConnections {
			clients = append(clients, clients[i%maxConnections])
			continue
		}
		c, err := programs.Dial(p)
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

func hangUp(clients []*clientv3.Client) {
	for _, c := range clients[:min(len(clients), maxConnections)] {
		c.Close()
	}
}

// measure does a work for d, and returns what it came to.
func measure(ctx context.Context, w work, p *programs.Program, d time.Duration) (figure, error) {
	clients, err := dial(p, w.clients)
	if err != nil {
		return figure{}, err
	}
	defer hangUp(clients)
	for _, c := range clients { // connect before the clock runs
		if _, err := c.Get(ctx, key(0)); err != nil {
			return figure{}, err
		}
	}
	run := w.run
	if run == nil {
		run = w.loop
	}
	server, client, err := used(p)
	if err != nil {
		return figure{}, err
	}
	begin := time.Now()
	done, err := run(ctx, p, clients, d)
	took := time.Since(begin)
	if err != nil {
		return figure{}, err
	}
	serverAfter, clientAfter, err := used(p)
	return figure{
		rate:   float64(done) / took.Seconds(),
		micros: float64((serverAfter - server).Microseconds()) / float64(done),
		client: float64((clientAfter - client).Microseconds()) / float64(done),
	}, err
}

// used returns how much processor time a program has used, and how much we have.
func used(p *programs.Program) (server, client time.Duration, err error) {
	if server, err = p.CPU(); err != nil {
		return 0, 0, err
	}
	client, err = programs.CPU(os.Getpid())
	return server, client, err
}

// loop has each client do the work again and again.
func (w work) loop(ctx context.Context, _ *programs.Program, clients []*clientv3.Client, d time.Duration) (int64, error) {
	until := time.Now().Add(d)
	var next, done atomic.Int64
	var group errgroup.Group
	for _, c := range clients {
		group.Go(func() error {
			for time.Now().Before(until) {
				n, err := w.each(ctx, c, next.Add(1))
				if err != nil {
					return err
				}
				done.Add(n)
			}
			return nil
		})
	}
	err := group.Wait()
	return done.Load(), err
}

// fanOut has watchers of all keys while clients write. What counts is the events
// that all the watchers got, of all writes.
func fanOut(ctx context.Context, _ *programs.Program, clients []*clientv3.Client, d time.Duration) (int64, error) {
	now, err := clients[0].Get(ctx, key(0))
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watching sync.WaitGroup
	var seen [watchers]atomic.Int64
	for i := range watchers {
		// A context of its own with a value would be a stream of its own; these
		// share the stream of their connection, as an API server's do.
		events := clients[i%len(clients)].Watch(ctx, "/registry/bench/", clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1))
		watching.Go(func() {
			for r := range events {
				seen[i].Add(int64(len(r.Events)))
			}
		})
	}
	written, err := work{each: put}.loop(ctx, nil, clients, d)
	for i := range seen {
		for err == nil && seen[i].Load() < written {
			time.Sleep(time.Millisecond)
			err = ctx.Err()
		}
	}
	cancel()
	watching.Wait()
	return written * watchers, err
}

// replay has every client watch from the oldest revision that can be had, once.
func replay(ctx context.Context, _ *programs.Program, clients []*clientv3.Client, _ time.Duration) (int64, error) {
	now, err := clients[0].Get(ctx, key(0))
	if err != nil {
		return 0, err
	}
	from := max(2, now.Header.Revision-5*keys)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var total atomic.Int64
	var group errgroup.Group
	for _, c := range clients {
		group.Go(func() error {
			for r := range c.Watch(ctx, "/registry/bench/", clientv3.WithPrefix(), clientv3.WithRev(from)) {
				if err := r.Err(); err != nil {
					return err
				}
				total.Add(int64(len(r.Events)))
				if r.Events[len(r.Events)-1].Kv.ModRevision >= now.Header.Revision {
					return nil
				}
			}
			return ctx.Err()
		})
	}
	err = group.Wait()
	return total.Load(), err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/net/http2"
	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/interop/store/programs"
)

const (
	// leanDepth is how many calls are under way on each lean connection: with
	// maxConnections as many as the other lines have clients.
	leanDepth = 4
	// eventsField is where a WatchResponse has its events.
	eventsField = 11
)

// leanGets is what the gets are, by clients that do next to nothing.
func leanGets(ctx context.Context, p *programs.Program, _ []*clientv3.Client, d time.Duration) (int64, error) {
	return leanCalls(ctx, p, d, "KV/Range", func(i int64) []byte {
		return message(&pb.RangeRequest{Key: []byte(key(i * 7919))})
	})
}

func leanPuts(ctx context.Context, p *programs.Program, _ []*clientv3.Client, d time.Duration) (int64, error) {
	return leanCalls(ctx, p, d, "KV/Put", func(i int64) []byte {
		return message(&pb.PutRequest{Key: []byte(key(i)), Value: []byte(value)})
	})
}

// leanCalls has maxConnections call a method for d, leanDepth calls each at a time,
// and returns how many calls that were.
func leanCalls(ctx context.Context, p *programs.Program, d time.Duration, method string, request func(int64) []byte) (int64, error) {
	var requests [][]byte
	for i := range keys {
		requests = append(requests, request(int64(i)))
	}
	until := time.Now().Add(d)
	var next, done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range maxConnections {
		group.Go(func() error {
			l, err := dialLean(p, method)
			if err != nil {
				return err
			}
			defer l.Close()
			defer context.AfterFunc(ctx, func() { l.Close() })()
			n, err := l.calls(until, func() []byte { return requests[next.Add(1)%keys] })
			done.Add(n)
			return err
		})
	}
	err := group.Wait()
	return done.Load(), err
}

// calls has leanDepth calls under way until the time is over, and returns how many
// calls have ended.
func (l *lean) calls(until time.Time, request func() []byte) (done int64, err error) {
	call := func() error {
		stream, err := l.open()
		return errors.Join(err, l.send(stream, request(), true))
	}
	for range leanDepth {
		if err := call(); err != nil {
			return done, err
		}
	}
	for pending := leanDepth; pending > 0; {
		frame, err := l.read()
		if err != nil {
			return done, err
		}
		if f, ok := frame.(*http2.MetaHeadersFrame); !ok || !f.StreamEnded() {
			continue
		}
		done++
		if time.Now().After(until) {
			pending--
		} else if err := call(); err != nil {
			return done, err
		}
	}
	return done, nil
}

// leanFanOut is what fanOut is, with lean watchers and lean writers.
func leanFanOut(ctx context.Context, p *programs.Program, _ []*clientv3.Client, d time.Duration) (int64, error) {
	now, err := revision(ctx, p)
	if err != nil {
		return 0, err
	}
	var seen atomic.Int64
	watching, ctx := errgroup.WithContext(ctx)
	hangUp := func() {}
	for c := range maxConnections {
		l, err := dialLean(p, "Watch/Watch")
		if err != nil {
			return 0, err
		}
		n := (watchers + c) / maxConnections // which comes to all of them
		watching.Go(func() error { return l.watch(n, now+1, &seen) })
		hangUp = func(others func()) func() { return func() { l.Close(); others() } }(hangUp)
	}
	written, err := leanPuts(ctx, p, nil, d)
	for err == nil && seen.Load() < written*watchers {
		time.Sleep(time.Millisecond)
		err = context.Cause(ctx)
	}
	hangUp()
	watching.Wait() // they end with an error now, since we hung up
	return written * watchers, err
}

// revision returns the current revision.
func revision(ctx context.Context, p *programs.Program) (int64, error) {
	c, err := programs.Dial(p)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	now, err := c.Get(ctx, key(0))
	if err != nil {
		return 0, err
	}
	return now.Header.Revision, nil
}

// watch opens n watches from a revision on and counts the events that come, until the
// connection is closed.
func (l *lean) watch(n int, from int64, seen *atomic.Int64) error {
	stream, err := l.open()
	if err != nil {
		return err
	}
	create := message(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte("/registry/bench/"), RangeEnd: []byte("/registry/bench0"), StartRevision: from,
	}}})
	for range n {
		if err := l.send(stream, create, false); err != nil {
			return err
		}
	}
	var parts messages
	for {
		frame, err := l.read()
		if err != nil {
			return err
		}
		f, ok := frame.(*http2.DataFrame)
		if !ok {
			continue
		}
		err = parts.add(f.Data(), func(m []byte) error {
			events, err := count(m, eventsField)
			seen.Add(events)
			return err
		})
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
	}
}

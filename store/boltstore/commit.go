package boltstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/internal/history"
)

const (
	// maxBatch is the most writes in one commit.
	maxBatch = 1024
	// maxBatchBytes is how many bytes of values end a batch.
	maxBatchBytes = 16 << 20
	// maxKey is the longest key in bytes: what bbolt takes.
	maxKey = 32768
)

// A request is a write that waits for its commit.
type request struct {
	ctx   context.Context
	write history.Write
	done  chan outcome // has room for the one outcome
}

// An outcome is what became of a write.
type outcome struct {
	change history.Change
	err    error
}

// write hands w to the goroutine in serve and waits until it is on disk.
func (s *Store) write(ctx context.Context, w history.Write) (history.Change, error) {
	if len(w.Key) > maxKey {
		return history.Change{}, fmt.Errorf("%v: the key has %d bytes, more than %d", w.Op, len(w.Key), maxKey)
	}
	r := &request{ctx, w, make(chan outcome, 1)}
	if err := s.submit(r); err != nil {
		return history.Change{}, err
	}
	o := s.await(r)
	return o.change, o.err
}

// await returns what became of r.
func (s *Store) await(r *request) outcome {
	select {
	case o := <-r.done:
		return o
	case <-r.ctx.Done():
		return outcome{err: r.ctx.Err()}
	case <-s.feed.Closed():
		// It may have been answered before the end.
		select {
		case o := <-r.done:
			return o
		default:
			return outcome{err: store.ErrClosed}
		}
	}
}

// submit puts r in line.
func (s *Store) submit(r *request) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return store.ErrClosed
	default:
	}
	select {
	case s.requests <- r:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-s.closing:
		return store.ErrClosed
	}
}

// serve commits what is requested until the store closes. It alone publishes
// states.
func (s *Store) serve() {
	for {
		select {
		case first := <-s.requests:
			s.commit(s.gather(first))
		case c := <-s.compactions:
			c.done <- s.forget(c.revision)
		case <-s.closing:
			// Those who were in line get in, who comes later does not.
			for len(s.requests) > 0 {
				s.commit(s.gather(<-s.requests))
			}
			return
		}
	}
}

// gather returns first and the requests that are in line behind it.
func (s *Store) gather(first *request) []*request {
	// Those who were just told of the last commit are about to come back:
	// let them run, so that they share this fsync instead of waiting for it.
	runtime.Gosched()
	batch, size := []*request{first}, len(first.write.Value)
	for len(batch) < maxBatch && size < maxBatchBytes {
		select {
		case r := <-s.requests:
			batch, size = append(batch, r), size+len(r.write.Value)
		default:
			return batch
		}
	}
	return batch
}

// commit decides a batch, puts it on disk, publishes it and tells the writers.
func (s *Store) commit(batch []*request) {
	state, err := s.feed.State(context.Background())
	if err != nil {
		panic("boltstore: the feed closed before the writer ended")
	}
	next, outcomes := decide(*state, batch)
	if changes := next.Since(state.Revision()); len(changes) > 0 {
		if err := s.journal.append(changes); err != nil {
			fail(outcomes, batch, err)
		} else {
			s.feed.Publish(next)
			for _, c := range changes {
				s.expiry.Add(c.KV)
			}
		}
	}
	for i, r := range batch {
		r.done <- outcomes[i]
	}
}

// decide returns what becomes of each request of a batch, one after the other,
// and the state they leave.
func decide(state history.State, batch []*request) (history.State, []outcome) {
	outcomes := make([]outcome, len(batch))
	for i, r := range batch {
		if err := r.ctx.Err(); err != nil {
			outcomes[i].err = err
			continue
		}
		change, err := state.Decide(r.write)
		if err == nil {
			state = state.With(change)
		}
		outcomes[i] = outcome{change, err}
	}
	return state, outcomes
}

// fail turns all outcomes into a failure to write. A conflict too: it may have
// been with a write of this batch, which did not happen.
func fail(outcomes []outcome, batch []*request, err error) {
	for i, r := range batch {
		outcomes[i] = outcome{err: fmt.Errorf("%v %s: %w", r.write.Op, r.write.Key, err)}
	}
}

// expire deletes the keys whose time is over, all of them in one commit or few.
func (s *Store) expire(due []history.Write) error {
	requests := make([]*request, len(due))
	for i, w := range due {
		requests[i] = &request{context.Background(), w, make(chan outcome, 1)}
		if err := s.submit(requests[i]); err != nil {
			return err
		}
	}
	var failed error
	for _, r := range requests {
		o := s.await(r)
		// A key that was written or deleted meanwhile is none of ours.
		if o.err != nil && !errors.Is(o.err, store.ErrConflict) && !errors.Is(o.err, store.ErrNotFound) {
			failed = o.err
		}
	}
	return failed
}

package etcdserver

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/coracle-k8s/coracle/store"
)

// broadcast is the watch ID of a response to all watches of a stream.
const broadcast = -1

// A stream is what one client sees: many watches over one connection. All its
// fields belong to the goroutine in serve.
//
// # Progress
//
// A client asks "up to where have I seen everything?", and the answer is for all
// of its watches. It is given in rounds. A round has a target, a revision at least
// as new as the question. Every watch is asked for progress; one that has delivered
// up to the target is held there: what it brings beyond waits. When the last watch
// has arrived, the target is announced and the held ones go on. So nothing at or
// before the announced revision comes after it, and nothing later before it.
//
//	watch 1   --4--5--|        |--8-->
//	watch 2   ----5-----6------|--9-->      the target is 6
//	watch 3   |                |----->
//	                           ^ "all up to 6"
type stream struct {
	*Server
	ctx  context.Context
	send func(any) error // a response, or the bytes of one

	watches    map[int64]*watch
	nextID     int64
	deliveries chan *delivery
	readers    sync.WaitGroup // the goroutines in watch.read

	target int64 // of the round under way, zero if there is none
	asked  bool  // for another round after it
}

// serve does what the client asks and sends what the watches bring, until the
// client goes.
func (s *stream) serve(requests <-chan *pb.WatchRequest, failed <-chan error) error {
	ticker := time.NewTicker(s.opts.ProgressInterval)
	defer ticker.Stop()
	defer func() {
		for _, w := range s.watches {
			w.watcher.Close()
		}
	}()
	for {
		var err error
		select {
		case r := <-requests:
			err = s.handle(r)
		case d := <-s.deliveries:
			err = s.deliver(d)
		case <-ticker.C:
			err = s.notify()
		case err := <-failed:
			if errors.Is(err, io.EOF) || s.ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err != nil {
			return s.status(err)
		}
	}
}

func (s *stream) handle(r *pb.WatchRequest) error {
	switch r := r.RequestUnion.(type) {
	case *pb.WatchRequest_CreateRequest:
		return s.create(r.CreateRequest)
	case *pb.WatchRequest_CancelRequest:
		return s.cancel(r.CancelRequest.WatchId, &pb.WatchResponse{})
	case *pb.WatchRequest_ProgressRequest:
		s.asked = true
		return s.progress()
	}
	return nil
}

// create begins a watch.
func (s *stream) create(r *pb.WatchCreateRequest) error {
	if len(r.Key) == 0 {
		r.Key = []byte{0} // as etcd does
	}
	now, err := s.store.Revision(s.ctx)
	if err != nil {
		return err
	}
	id := r.WatchId
	if _, taken := s.watches[id]; taken && id != 0 || id < 0 {
		return s.send(&pb.WatchResponse{
			Header: header(now), WatchId: id, Created: true, Canceled: true,
			CancelReason: describe(errors.New("watch ID is taken or negative")),
		})
	}
	for id == 0 || s.watches[id] != nil && r.WatchId == 0 {
		s.nextID++
		id = s.nextID
	}
	watcher, after, refused := s.open(s.ctx, r)
	created := &pb.WatchResponse{Header: header(max(now, after)), WatchId: id, Created: true}
	if err := s.send(created); err != nil {
		return err
	}
	w := newWatch(id, r, watcher, after)
	if refused != nil {
		return s.end(w, refused)
	}
	s.watches[id] = w
	s.readers.Go(func() { w.read(s.ctx, s.deliveries) })
	if s.target != 0 {
		return watcher.Progress(s.ctx) // it takes part in the round
	}
	return nil
}

// cancel ends a watch and tells the client with last.
func (s *stream) cancel(id int64, last *pb.WatchResponse) error {
	w, ok := s.watches[id]
	if !ok {
		return nil
	}
	delete(s.watches, id)
	w.watcher.Close()
	if w.held != nil {
		close(w.held.taken)
	}
	last.Header, last.WatchId, last.Canceled = header(max(1, w.delivered)), id, true
	if err := s.send(last); err != nil {
		return err
	}
	return s.round() // the others may have waited for this one
}

// end tells the client why a watch is over.
func (s *stream) end(w *watch, err error) error {
	last := &pb.WatchResponse{CancelReason: describe(err)}
	if errors.Is(err, store.ErrCompacted) {
		at, err := s.compactedAt(s.ctx, w.delivered)
		if err != nil {
			return err
		}
		last.CompactRevision = at
	} else if !errors.Is(err, store.ErrFutureRevision) {
		return err // the store has failed: the whole stream ends
	}
	s.watches[w.id] = w
	if w.watcher == nil {
		w.watcher = noWatcher{}
	}
	return s.cancel(w.id, last)
}

// noWatcher stands for one that could not be opened.
type noWatcher struct{ store.Watcher }

func (noWatcher) Close() error { return nil }

// deliver sends what a watch brings, as far as the round allows.
func (s *stream) deliver(d *delivery) error {
	w := d.watch
	if s.watches[w.id] != w {
		close(d.taken) // cancelled meanwhile
		return nil
	}
	if d.err != nil {
		return s.end(w, d.err)
	}
	if s.target == 0 || d.batch.Revision <= s.target {
		if err := s.pass(w, d.batch); err != nil {
			return err
		}
		close(d.taken)
		return s.round()
	}
	// Up to the target now, the rest when the round is over.
	beyond := slices.IndexFunc(d.batch.Events, func(e store.Event) bool { return e.KV.ModRevision > s.target })
	if beyond < 0 {
		beyond = len(d.batch.Events)
	}
	if w.delivered < s.target {
		upTo := store.Batch{Events: d.batch.Events[:beyond], Revision: s.target}
		if err := s.pass(w, upTo); err != nil {
			return err
		}
		d.batch.Events = d.batch.Events[beyond:]
	}
	w.held = d
	return s.round()
}

// pass sends a batch to the client.
func (s *stream) pass(w *watch, b store.Batch) error {
	w.delivered = max(w.delivered, b.Revision)
	for _, r := range s.responses(w, b.Events) {
		if err := s.send(r.encode(w.id)); err != nil {
			return err
		}
	}
	if len(b.Events) == 0 && w.request.ProgressNotify && s.target == 0 {
		return s.send(&pb.WatchResponse{Header: header(w.delivered), WatchId: w.id})
	}
	return nil
}

// notify asks the watches that want it for progress. One with nothing to deliver
// answers with an empty batch, see pass.
func (s *stream) notify() error {
	for _, w := range s.watches {
		if w.request.ProgressNotify {
			if err := w.watcher.Progress(s.ctx); err != nil && !errors.Is(err, store.ErrClosed) {
				return err
			}
		}
	}
	return nil
}

// progress begins a round if one was asked for and none is under way.
func (s *stream) progress() error {
	if s.target != 0 || !s.asked {
		return nil
	}
	target, err := s.store.Revision(s.ctx)
	if err != nil {
		return err
	}
	for _, w := range s.watches {
		target = max(target, w.delivered)
	}
	s.target, s.asked = target, false
	for _, w := range s.watches {
		// A watcher that has ended says so itself, in a delivery.
		if err := w.watcher.Progress(s.ctx); err != nil && !errors.Is(err, store.ErrClosed) {
			return err
		}
	}
	return s.round()
}

// round ends the round under way if all watches have arrived.
func (s *stream) round() error {
	if s.target == 0 {
		return nil
	}
	for _, w := range s.watches {
		if w.delivered < s.target {
			return nil
		}
	}
	if err := s.send(&pb.WatchResponse{Header: header(s.target), WatchId: broadcast}); err != nil {
		return err
	}
	s.target = 0
	for _, w := range s.watches {
		if d := w.held; d != nil {
			w.held = nil
			if err := s.pass(w, d.batch); err != nil {
				return err
			}
			close(d.taken)
		}
	}
	return s.progress()
}

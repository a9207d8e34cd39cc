package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"math"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/coracle-k8s/coracle/store"
)

// watchService is etcd's Watch service.
type watchService struct {
	pb.UnimplementedWatchServer
	*Server
}

// A watch is one of the watches of a stream. Its goroutine reads the store's
// watcher; all else belongs to the goroutine of the stream.
type watch struct {
	id      int64
	request *pb.WatchCreateRequest
	watcher store.Watcher

	// delivered is the revision up to which the client was sent all.
	delivered int64
	// held is what must not be sent before others have caught up, nil mostly.
	held *delivery
}

// A delivery is what a watch's goroutine brings to the stream. The goroutine
// waits until it was taken, so there is one for each watch at most.
type delivery struct {
	watch *watch
	batch store.Batch
	err   error // of the watcher, which is finished then
	taken chan struct{}
}

// Watch serves one stream of many watches. It returns when the client has gone,
// and all goroutines of the stream have ended.
func (s *watchService) Watch(rpc pb.Watch_WatchServer) error {
	ctx, cancel := context.WithCancel(rpc.Context())
	st := &stream{
		Server:     s.Server,
		ctx:        ctx,
		send:       rpc.Send,
		watches:    map[int64]*watch{},
		deliveries: make(chan *delivery),
	}
	defer st.readers.Wait()
	defer cancel()
	requests := make(chan *pb.WatchRequest)
	failed := make(chan error, 1)
	// Recv ends with the handler, so this goroutine may outlive it by a moment.
	go func() { failed <- receive(ctx, rpc, requests) }()
	return st.serve(requests, failed)
}

// receive passes on the client's requests until there are no more.
func receive(ctx context.Context, rpc pb.Watch_WatchServer, requests chan<- *pb.WatchRequest) error {
	for {
		r, err := rpc.Recv()
		if err != nil {
			return err
		}
		select {
		case requests <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// open starts the store's watcher for a request.
func (s *Server) open(ctx context.Context, r *pb.WatchCreateRequest) (store.Watcher, int64, error) {
	now, err := s.store.Revision(ctx)
	if err != nil {
		return nil, 0, err
	}
	after := now
	if r.StartRevision > 0 {
		// A watch may start in the future: then from now, without what is
		// before its start. See events. No change has the revision 1.
		after = min(now, max(1, r.StartRevision-1))
	}
	w, err := s.store.Watch(ctx, rangeOf(r.Key, r.RangeEnd), after)
	return w, after, err
}

// read brings the batches of w to the stream until one of them ends.
func (w *watch) read(ctx context.Context, deliveries chan<- *delivery) {
	for {
		d := &delivery{watch: w, taken: make(chan struct{})}
		d.batch, d.err = w.watcher.Next(ctx)
		select {
		case deliveries <- d:
		case <-ctx.Done():
			return
		}
		if d.err != nil {
			return
		}
		select {
		case <-d.taken:
		case <-ctx.Done():
			return
		}
	}
}

// events returns those of the batch that the client wants, as etcd writes them.
func (s *Server) events(r *pb.WatchCreateRequest, batch []store.Event) []*mvccpb.Event {
	var noPut, noDelete bool
	for _, f := range r.Filters {
		noPut = noPut || f == pb.WatchCreateRequest_NOPUT
		noDelete = noDelete || f == pb.WatchCreateRequest_NODELETE
	}
	var events []*mvccpb.Event
	for _, e := range batch {
		isDelete := e.Type == store.Delete
		if isDelete && noDelete || !isDelete && noPut || e.KV.ModRevision < r.StartRevision {
			continue
		}
		out := &mvccpb.Event{Kv: s.keyValue(&e.KV)}
		if isDelete {
			out.Type = mvccpb.Event_DELETE
		}
		if r.PrevKv && e.Prev != nil {
			out.PrevKv = s.keyValue(e.Prev)
		}
		events = append(events, out)
	}
	return events
}

// compactedAt finds the revision of the last compaction, given one that is
// compacted. A store does not say it; a search finds it in a few reads.
func (s *Server) compactedAt(ctx context.Context, compacted int64) (int64, error) {
	kept, err := s.store.Revision(ctx)
	if err != nil {
		return 0, err
	}
	for compacted+1 < kept {
		middle := compacted + (kept-compacted)/2
		_, _, err := s.store.Get(ctx, "\x00", middle)
		switch {
		case errors.Is(err, store.ErrCompacted):
			compacted = middle
		case err == nil || errors.Is(err, store.ErrNotFound):
			kept = middle
		default:
			return 0, err
		}
	}
	return kept, nil
}

// maxResponse is how many bytes of events make a response full.
const maxResponse = maxRequest

// responses packs events into as many responses as their size needs. The events
// of one revision stay together, or come as fragments if the client said that it
// knows them.
func responses(w *watch, events []*mvccpb.Event) []*pb.WatchResponse {
	var out []*pb.WatchResponse
	size := math.MaxInt // of the last response, too large for any other event
	for i, e := range events {
		again := i > 0 && e.Kv.ModRevision == events[i-1].Kv.ModRevision
		full := size > maxResponse
		if i == 0 || full && (!again || w.request.Fragment) {
			if again {
				out[len(out)-1].Fragment = true
			}
			out = append(out, &pb.WatchResponse{WatchId: w.id})
			size = 0
		}
		last := out[len(out)-1]
		last.Events = append(last.Events, e)
		last.Header = header(e.Kv.ModRevision)
		size += len(e.Kv.Key) + len(e.Kv.Value)
		if e.PrevKv != nil {
			size += len(e.PrevKv.Key) + len(e.PrevKv.Value)
		}
	}
	return out
}

// describe says why a watch was refused.
func describe(err error) string { return fmt.Sprintf("etcdserver: %v", err) }

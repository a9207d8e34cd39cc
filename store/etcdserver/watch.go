package etcdserver

import (
	"context"
	"errors"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

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
	// noPut and noDelete are the kinds of change that the client does not want.
	noPut, noDelete bool

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
		send:       rpc.SendMsg,
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

// newWatch returns the watch that a client asked for.
func newWatch(id int64, r *pb.WatchCreateRequest, watcher store.Watcher, after int64) *watch {
	w := &watch{id: id, request: r, watcher: watcher, delivered: after}
	for _, f := range r.Filters {
		w.noPut = w.noPut || f == pb.WatchCreateRequest_NOPUT
		w.noDelete = w.noDelete || f == pb.WatchCreateRequest_NODELETE
	}
	return w
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

// describe says why a watch was refused.
func describe(err error) string { return fmt.Sprintf("etcdserver: %v", err) }

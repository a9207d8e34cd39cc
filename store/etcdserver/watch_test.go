package etcdserver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A raw stream shows what etcd's client hides.
type rawStream struct {
	t *testing.T
	pb.Watch_WatchClient
}

func rawWatch(t *testing.T, c *clientv3.Client) rawStream {
	stream, err := pb.NewWatchClient(c.ActiveConnection()).Watch(t.Context())
	require.NoError(t, err)
	return rawStream{t, stream}
}

func (s rawStream) create(r *pb.WatchCreateRequest) *pb.WatchResponse {
	s.t.Helper()
	require.NoError(s.t, s.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: r}}))
	created := s.next()
	require.True(s.t, created.Created)
	return created
}

func (s rawStream) progress() {
	s.t.Helper()
	r := &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}
	require.NoError(s.t, s.Send(&pb.WatchRequest{RequestUnion: r}))
}

func (s rawStream) next() *pb.WatchResponse {
	s.t.Helper()
	response, err := s.Recv()
	require.NoError(s.t, err)
	return response
}

// Progress is said to all watches of the stream, and never before the events
// that it covers nor after later ones.
func TestWatch_progressOfAStream(t *testing.T) {
	const watches, writes = 20, 400
	s := memstore.New()
	c := serve(t, s, etcdserver.Options{})
	raw := rawWatch(t, c)
	for i := range watches {
		raw.create(&pb.WatchCreateRequest{Key: []byte(fmt.Sprint("k", i, "/")), RangeEnd: []byte(fmt.Sprint("k", i, "0"))})
	}
	go func() {
		for n := range writes {
			s.Create(t.Context(), fmt.Sprint("k", n%watches, "/", n), nil, 0)
		}
	}()
	seen, last, progress := 0, int64(0), int64(0)
	for seen < writes || progress < 1+writes {
		raw.progress()
		for {
			response := raw.next()
			revision := response.Header.Revision
			if response.WatchId == -1 {
				require.Empty(t, response.Events)
				require.GreaterOrEqual(t, revision, last, "progress that is older than an event before it")
				progress = revision
				break
			}
			for _, e := range response.Events {
				seen++
				require.Greater(t, e.Kv.ModRevision, progress, "an event after progress that covers it")
				last = max(last, e.Kv.ModRevision)
			}
		}
	}
	require.Equal(t, writes, seen)

	empty := rawWatch(t, c)
	empty.progress()
	require.EqualValues(t, 1+writes, empty.next().Header.Revision, "a stream without watches")
}

func TestWatch_compacted(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	for i := range 50 {
		put(t, c, "k", fmt.Sprint(i))
	}
	_, err := c.Compact(t.Context(), 33)
	require.NoError(t, err)
	raw := rawWatch(t, c)
	raw.create(&pb.WatchCreateRequest{Key: []byte("k"), StartRevision: 5})
	canceled := raw.next()
	require.True(t, canceled.Canceled)
	require.EqualValues(t, 33, canceled.CompactRevision)

	response := <-c.Watch(t.Context(), "k", clientv3.WithRev(5))
	require.ErrorIs(t, response.Err(), rpctypes.ErrCompacted)
	response = <-c.Watch(t.Context(), "k", clientv3.WithRev(34), clientv3.WithPrevKV())
	require.EqualValues(t, 34, response.Events[0].Kv.ModRevision)
	require.EqualValues(t, 33, response.Events[0].PrevKv.ModRevision)
}

func TestWatch_fromTheFuture(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	events := c.Watch(t.Context(), "", clientv3.WithPrefix(), clientv3.WithRev(4), clientv3.WithCreatedNotify())
	require.True(t, (<-events).Created)
	for range 3 {
		put(t, c, "k", "v")
	}
	require.EqualValues(t, 4, (<-events).Events[0].Kv.ModRevision)
}

func TestWatch_filtersAndPrevious(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	put(t, c, "k", "1")
	put(t, c, "k", "2")
	_, err := c.Delete(t.Context(), "k")
	require.NoError(t, err)

	deletes := <-c.Watch(t.Context(), "k", clientv3.WithRev(1), clientv3.WithFilterPut())
	require.Len(t, deletes.Events, 1)
	require.Equal(t, clientv3.EventTypeDelete, deletes.Events[0].Type)
	require.Nil(t, deletes.Events[0].PrevKv, "not asked for")
	puts := <-c.Watch(t.Context(), "k", clientv3.WithRev(1), clientv3.WithFilterDelete(), clientv3.WithPrevKV())
	require.Len(t, puts.Events, 2)
	require.Nil(t, puts.Events[0].PrevKv, "a create has none")
	require.Equal(t, "1", string(puts.Events[1].PrevKv.Value))
}

// A history of many megabytes comes in messages that a client can take.
func TestWatch_largeHistory(t *testing.T) {
	s := memstore.New()
	c := serve(t, s, etcdserver.Options{})
	for i := range 40 {
		_, err := s.Create(t.Context(), fmt.Sprint(i), make([]byte, 400<<10), 0)
		require.NoError(t, err)
	}
	raw := rawWatch(t, c)
	raw.create(&pb.WatchCreateRequest{Key: []byte{0}, RangeEnd: []byte{0}, StartRevision: 1, Fragment: true})
	next := int64(2)
	for next <= 41 {
		response := raw.next()
		require.Len(t, response.Events, 1, "of 400 KiB each")
		require.False(t, response.Fragment, "each revision is whole")
		for _, e := range response.Events {
			require.Equal(t, next, e.Kv.ModRevision)
			next++
		}
	}
}

func TestWatch_progressNotify(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{ProgressInterval: 20 * time.Millisecond})
	events := c.Watch(t.Context(), "quiet", clientv3.WithProgressNotify())
	revision := put(t, c, "other", "v")
	for response := range events {
		require.True(t, response.IsProgressNotify())
		if response.Header.Revision >= revision {
			return
		}
	}
}

func TestWatch_cancel(t *testing.T) {
	c := serve(t, memstore.New(), etcdserver.Options{})
	raw := rawWatch(t, c)
	id := raw.create(&pb.WatchCreateRequest{Key: []byte("k"), WatchId: 7}).WatchId
	require.EqualValues(t, 7, id)
	taken := raw.create(&pb.WatchCreateRequest{Key: []byte("k"), WatchId: 7})
	require.True(t, taken.Canceled, "an ID that is in use")
	cancel := &pb.WatchRequest_CancelRequest{CancelRequest: &pb.WatchCancelRequest{WatchId: id}}
	require.NoError(t, raw.Send(&pb.WatchRequest{RequestUnion: cancel}))
	require.True(t, raw.next().Canceled)
	put(t, c, "k", "v")
	raw.progress()
	require.EqualValues(t, -1, raw.next().WatchId, "no event of a watch that was cancelled")
}

// When the store closes, its watches end and do not hang.
func TestWatch_storeCloses(t *testing.T) {
	s := memstore.New()
	c := serve(t, s, etcdserver.Options{})
	raw := rawWatch(t, c)
	raw.create(&pb.WatchCreateRequest{Key: []byte("k")})
	require.NoError(t, s.Close())
	_, err := raw.Recv()
	require.ErrorContains(t, err, "server stopped")
}

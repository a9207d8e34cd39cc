package etcdstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/coracle-k8s/coracle/store"
)

// noKey is a key that nobody writes: reading it tells the revision.
const noKey = "\x00"

// Options are the choices one has in [Open]. The zero value is fine.
type Options struct {
	// TLS secures the connections. Nil means plain text.
	TLS *tls.Config
	// DialTimeout is how long Open waits for the cluster to answer. Zero
	// means five seconds.
	DialTimeout time.Duration
	// Username and Password are those of an etcd user, if etcd asks for them.
	Username, Password string
}

// A Store is a [store.Store] in an etcd cluster. Make one with [Open].
type Store struct {
	client *clientv3.Client
	leases leaser

	watches atomic.Int64 // how many there have been

	closing context.Context // ends with Close
	close   context.CancelFunc

	mu     sync.Mutex // guards adding to calls after closing
	calls  sync.WaitGroup
	result error // of Close
	once   sync.Once
}

var _ store.Store = (*Store)(nil)

// Open connects to the etcd cluster with these endpoints, host:port or URL, and
// fails if none of them answers in time.
func Open(ctx context.Context, endpoints []string, opts Options) (*Store, error) {
	if opts.DialTimeout == 0 {
		opts.DialTimeout = 5 * time.Second
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		TLS:                  opts.TLS,
		Username:             opts.Username,
		Password:             opts.Password,
		DialTimeout:          opts.DialTimeout,
		DialKeepAliveTime:    30 * time.Second,
		DialKeepAliveTimeout: 10 * time.Second,
		Logger:               zap.NewNop(), // what it logs it also returns
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd at %v: %w", endpoints, err)
	}
	closing, closeAll := context.WithCancel(context.Background())
	s := &Store{client: client, leases: newLeaser(client), closing: closing, close: closeAll}
	ctx, cancel := context.WithTimeout(ctx, opts.DialTimeout)
	defer cancel()
	if _, err := s.Revision(ctx); err != nil {
		return nil, fmt.Errorf("connect to etcd at %v: %w", endpoints, errors.Join(err, s.Close()))
	}
	return s, nil
}

// Endpoints returns where the cluster is: those that Open was given.
func (s *Store) Endpoints() []string { return s.client.Endpoints() }

// begin makes a call known to Close. The context it returns ends with ctx or
// with the store; end must be called.
func (s *Store) begin(ctx context.Context) (_ context.Context, end func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		return nil, nil, store.ErrClosed
	}
	s.calls.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(s.closing, cancel)
	return ctx, func() { detach(); cancel(); s.calls.Done() }, nil
}

// fault returns an error of etcd's client as one of the store. ctx is the
// caller's.
func (s *Store) fault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case s.closing.Err() != nil:
		return store.ErrClosed
	case errors.Is(err, rpctypes.ErrCompacted):
		return store.ErrCompacted
	case errors.Is(err, rpctypes.ErrFutureRev):
		return store.ErrFutureRevision
	}
	return err
}

// Revision implements [store.Reader].
func (s *Store) Revision(ctx context.Context) (int64, error) {
	_, revision, err := s.Get(ctx, noKey, 0)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return revision, err
}

// Get implements [store.Reader].
func (s *Store) Get(ctx context.Context, key string, rev int64) (store.KeyValue, int64, error) {
	list, err := s.List(ctx, store.Key(key), store.ListOptions{Revision: rev})
	if err != nil {
		return store.KeyValue{}, 0, fmt.Errorf("get %s: %w", key, err)
	}
	if len(list.Items) == 0 {
		return store.KeyValue{}, list.Revision, fmt.Errorf("get %s: %w", key, store.ErrNotFound)
	}
	return list.Items[0], list.Revision, nil
}

// List implements [store.Reader].
func (s *Store) List(ctx context.Context, r store.Range, opts store.ListOptions) (store.ListResult, error) {
	call, end, err := s.begin(ctx)
	if err != nil {
		return store.ListResult{}, err
	}
	defer end()
	if opts.Revision < 0 {
		return store.ListResult{}, fmt.Errorf("list %s at revision %d: %w", r.Start, opts.Revision, store.ErrCompacted)
	}
	start, with := bounds(r)
	with = append(with, clientv3.WithRev(opts.Revision), clientv3.WithLimit(int64(opts.Limit)))
	if opts.KeysOnly {
		with = append(with, clientv3.WithKeysOnly())
	}
	if opts.CountOnly {
		with = append(with, clientv3.WithCountOnly())
	}
	response, err := s.client.Get(call, start, with...)
	if err != nil {
		return store.ListResult{}, fmt.Errorf("list %s: %w", r.Start, s.fault(ctx, err))
	}
	result := store.ListResult{Revision: response.Header.Revision, Count: response.Count}
	if opts.Revision != 0 {
		result.Revision = opts.Revision
	}
	for _, kv := range response.Kvs {
		result.Items = append(result.Items, keyValue(kv))
	}
	return result, nil
}

// bounds returns a range as etcd writes it: it has no empty key, and its end of
// all keys is one zero byte.
func bounds(r store.Range) (string, []clientv3.OpOption) {
	start, end := max(r.Start, noKey), r.End
	if end == "" {
		end = "\x00"
	}
	return start, []clientv3.OpOption{clientv3.WithRange(end)}
}

// keyValue returns a key-value of etcd as one of the store.
func keyValue(kv *mvccpb.KeyValue) store.KeyValue {
	return store.KeyValue{
		Key: string(kv.Key), Value: kv.Value,
		CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision, Version: kv.Version,
		Expires: expiresOf(kv.Lease),
	}
}

// Compact implements [store.Store].
func (s *Store) Compact(ctx context.Context, rev int64) error {
	call, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if _, err := s.client.Compact(call, rev); err != nil {
		return fmt.Errorf("compact at revision %d: %w", rev, s.fault(ctx, err))
	}
	return nil
}

// Close implements [store.Store]. Calls under way end with [store.ErrClosed];
// whether a write among them happened, only etcd knows.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.close()
		s.mu.Unlock()
		s.calls.Wait()
		s.result = s.client.Close()
	})
	return s.result
}

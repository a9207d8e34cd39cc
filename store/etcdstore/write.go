package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coracle-k8s/coracle/store"
)

var (
	errEmptyKey    = errors.New("the key is empty")
	errNegativeTTL = errors.New("the time to live is negative")
)

// Create implements [store.Writer].
func (s *Store) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (int64, error) {
	revision, err := s.put(ctx, key, value, clientv3.Compare(clientv3.ModRevision(key), "=", 0), store.ErrExists, ttl)
	if err != nil {
		return 0, fmt.Errorf("create %s: %w", key, err)
	}
	return revision, nil
}

// Update implements [store.Writer].
func (s *Store) Update(ctx context.Context, key string, value []byte, ifRevision int64, ttl time.Duration) (int64, error) {
	revision, err := s.put(ctx, key, value, unchanged(key, ifRevision), store.ErrConflict, ttl)
	if err != nil {
		return 0, fmt.Errorf("update %s: %w", key, err)
	}
	return revision, nil
}

// Delete implements [store.Writer].
func (s *Store) Delete(ctx context.Context, key string, ifRevision int64) (store.KeyValue, int64, error) {
	op := clientv3.OpDelete(key, clientv3.WithPrevKV())
	response, err := s.txn(ctx, key, unchanged(key, ifRevision), op, store.ErrConflict)
	if err != nil {
		return store.KeyValue{}, 0, fmt.Errorf("delete %s: %w", key, err)
	}
	was := response.Responses[0].GetResponseDeleteRange().PrevKvs[0]
	return keyValue(was), response.Header.Revision, nil
}

// unchanged is the condition that the key is there, and of a revision unless
// that is zero.
func unchanged(key string, ifRevision int64) clientv3.Cmp {
	if ifRevision == 0 {
		return clientv3.Compare(clientv3.Version(key), ">", 0)
	}
	return clientv3.Compare(clientv3.ModRevision(key), "=", ifRevision)
}

// put writes a key on a condition.
func (s *Store) put(ctx context.Context, key string, value []byte, condition clientv3.Cmp, reason error, ttl time.Duration) (int64, error) {
	if ttl < 0 {
		return 0, errNegativeTTL
	}
	var with []clientv3.OpOption
	var lease clientv3.LeaseID
	if ttl > 0 {
		var err error
		if lease, err = s.grant(ctx, ttl); err != nil {
			return 0, err
		}
		with = append(with, clientv3.WithLease(lease))
	}
	response, err := s.txn(ctx, key, condition, clientv3.OpPut(key, string(value), with...), reason)
	if err != nil {
		// Nobody uses the lease. If this fails too, it ends by itself.
		_ = s.revoke(ctx, lease)
		return 0, err
	}
	return response.Header.Revision, nil
}

// txn does op on a condition on its key. If the condition does not hold, it
// returns [store.ErrNotFound], or the key that was found and the reason.
func (s *Store) txn(ctx context.Context, key string, condition clientv3.Cmp, op clientv3.Op, reason error) (*clientv3.TxnResponse, error) {
	if key == "" {
		return nil, errEmptyKey
	}
	call, end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	response, err := s.client.Txn(call).If(condition).Then(op).Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	if response.Succeeded {
		return response, nil
	}
	found := response.Responses[0].GetResponseRange().Kvs
	if len(found) == 0 {
		return nil, store.ErrNotFound
	}
	return nil, &store.ConflictError{Reason: reason, Current: keyValue(found[0])}
}

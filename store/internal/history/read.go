package history

import (
	"fmt"

	"github.com/coracle-k8s/coracle/store"
)

// Get implements [store.Reader] for the state.
func (s State) Get(key string, revision int64) (store.KeyValue, int64, error) {
	keys, revision, err := s.at(revision)
	if err != nil {
		return store.KeyValue{}, 0, fmt.Errorf("get %s at %w", key, err)
	}
	kv := keys.Get(key)
	if kv == nil {
		return store.KeyValue{}, revision, fmt.Errorf("get %s: %w", key, store.ErrNotFound)
	}
	return *kv, revision, nil
}

// List implements [store.Reader] for the state.
func (s State) List(r store.Range, opts store.ListOptions) (store.ListResult, error) {
	keys, revision, err := s.at(opts.Revision)
	if err != nil {
		return store.ListResult{}, fmt.Errorf("list %s at %w", r.Start, err)
	}
	count := keys.Count(r)
	result := store.ListResult{Revision: revision, Count: int64(count)}
	if opts.CountOnly || count == 0 {
		return result, nil
	}
	if opts.Limit > 0 {
		count = min(count, opts.Limit)
	}
	result.Items = make([]store.KeyValue, 0, count)
	for kv := range keys.In(r) {
		if len(result.Items) == count {
			break
		}
		item := *kv
		if opts.KeysOnly {
			item.Value = nil
		}
		result.Items = append(result.Items, item)
	}
	return result, nil
}

package sealed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// A Rule says how the values below a prefix are sealed.
type Rule struct {
	Prefix string
	// Providers are tried in order to open a value; the first seals.
	Providers []Provider
}

// A Store seals values in another store. Keys that no rule is for pass unchanged.
type Store struct {
	inner store.Store
	rules atomic.Pointer[[]Rule]
	log   *slog.Logger
}

var _ store.Store = (*Store)(nil)

// New returns a store around inner. Of several rules for a key the first counts. A nil
// log discards.
func New(inner store.Store, rules []Rule, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{inner: inner, log: log}
	return s, s.SetRules(rules)
}

// SetRules has other rules count from now on. On an error the old ones remain.
func (s *Store) SetRules(rules []Rule) error {
	for _, r := range rules {
		if len(r.Providers) == 0 {
			return fmt.Errorf("seal %s: no provider", r.Prefix)
		}
		seen := map[string]bool{}
		for _, p := range r.Providers {
			if seen[p.Prefix()] {
				return fmt.Errorf("seal %s: two providers write %q", r.Prefix, p.Prefix())
			}
			seen[p.Prefix()] = true
		}
	}
	s.rules.Store(&rules)
	return nil
}

// rule returns the rule for a key, or nil.
func (s *Store) rule(key string) *Rule { return ruleFor(*s.rules.Load(), key) }

func ruleFor(rules []Rule, key string) *Rule {
	for i := range rules {
		if strings.HasPrefix(key, rules[i].Prefix) {
			return &rules[i]
		}
	}
	return nil
}

// seal returns what is to be stored of a value.
func (s *Store) seal(key string, value []byte) ([]byte, error) {
	r := s.rule(key)
	if r == nil {
		return value, nil
	}
	p := r.Providers[0]
	sealed, err := p.Seal(key, value)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", key, err)
	}
	if p.Prefix() == "" {
		return sealed, nil
	}
	return append([]byte(p.Prefix()), sealed...), nil
}

// open changes the value of kv to what was sealed, or reports an ErrSealed.
func (s *Store) open(kv *store.KeyValue) error {
	r := s.rule(kv.Key)
	if r == nil || kv.ModRevision == 0 || kv.Value == nil {
		return nil
	}
	for i, p := range r.Providers {
		if !bytes.HasPrefix(kv.Value, []byte(p.Prefix())) {
			continue
		}
		value, err := p.Open(kv.Key, kv.Value[len(p.Prefix()):])
		if err != nil && p.Prefix() == "" {
			continue // another one may have its key
		}
		if err != nil {
			return fmt.Errorf("open %s, %s: %w: %w", kv.Key, describe(kv.Value), ErrSealed, err)
		}
		kv.Value, kv.Stale = value, i > 0
		return nil
	}
	return fmt.Errorf("open %s, %s: %w: no provider reads it", kv.Key, describe(kv.Value), ErrSealed)
}

// describe says by which provider and key a value was sealed.
func describe(value []byte) string {
	parts := bytes.SplitN(value, []byte(":"), 6)
	if !bytes.HasPrefix(value, []byte(sealPrefix)) || len(parts) < 6 {
		return "which is not encrypted"
	}
	return fmt.Sprintf("sealed by %s with key %q", parts[2], parts[4])
}

// openOrClear opens a value among others. What cannot be opened is empty.
func (s *Store) openOrClear(kv *store.KeyValue) {
	if err := s.open(kv); err != nil {
		s.log.Error("a value in the store cannot be read", "err", err)
		kv.Value = nil
	}
}

// Revision implements store.Store.
func (s *Store) Revision(ctx context.Context) (int64, error) { return s.inner.Revision(ctx) }

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key string, rev int64) (store.KeyValue, int64, error) {
	kv, at, err := s.inner.Get(ctx, key, rev)
	if err == nil {
		if err = s.open(&kv); err != nil {
			kv.Value = nil
		}
	}
	return kv, at, err
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, r store.Range, opts store.ListOptions) (store.ListResult, error) {
	result, err := s.inner.List(ctx, r, opts)
	if err != nil || opts.KeysOnly {
		return result, err
	}
	items := make([]store.KeyValue, len(result.Items)) // those of the inner store are shared
	for i, kv := range result.Items {
		s.openOrClear(&kv)
		items[i] = kv
	}
	if result.Items != nil {
		result.Items = items
	}
	return result, nil
}

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (int64, error) {
	sealed, err := s.seal(key, value)
	if err != nil {
		return 0, err
	}
	revision, err := s.inner.Create(ctx, key, sealed, ttl)
	return revision, s.conflict(err)
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, key string, value []byte, ifRevision int64, ttl time.Duration) (int64, error) {
	sealed, err := s.seal(key, value)
	if err != nil {
		return 0, err
	}
	revision, err := s.inner.Update(ctx, key, sealed, ifRevision, ttl)
	return revision, s.conflict(err)
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, key string, ifRevision int64) (store.KeyValue, int64, error) {
	kv, revision, err := s.inner.Delete(ctx, key, ifRevision)
	if err == nil {
		s.openOrClear(&kv) // it is gone, whatever it was
	}
	return kv, revision, s.conflict(err)
}

// conflict opens the value that a conflict carries.
func (s *Store) conflict(err error) error {
	found, ok := errors.AsType[*store.ConflictError](err)
	if !ok || s.rule(found.Current.Key) == nil {
		return err
	}
	opened := *found
	s.openOrClear(&opened.Current)
	return &opened
}

// Compact implements store.Store.
func (s *Store) Compact(ctx context.Context, rev int64) error { return s.inner.Compact(ctx, rev) }

// Close implements store.Store. It closes the inner store.
func (s *Store) Close() error { return s.inner.Close() }

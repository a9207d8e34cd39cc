package sealed

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/coracle-k8s/coracle/store"
)

// pageSize is how many values are read at a time.
const pageSize = 500

// Check opens all values that rules are for, and returns the first error there is,
// an [ErrSealed] if a key is missing or wrong.
func (s *Store) Check(ctx context.Context) error {
	return s.each(ctx, func(_ *Rule, kv store.KeyValue) error { return s.open(&kv) })
}

// Rewrite writes all values anew that were not written by the first provider of their
// rule, and returns how many. Afterwards the other providers are not needed any
// more. A value that somebody else writes meanwhile is left to them.
func (s *Store) Rewrite(ctx context.Context) (int, error) {
	n := 0
	err := s.each(ctx, func(r *Rule, kv store.KeyValue) error {
		if sealedBy(r.Providers[0], kv.Value) {
			return nil
		}
		if err := s.open(&kv); err != nil {
			return err
		}
		var ttl time.Duration
		if !kv.Expires.IsZero() {
			ttl = max(time.Until(kv.Expires), time.Second)
		}
		_, err := s.Update(ctx, kv.Key, kv.Value, kv.ModRevision, ttl)
		switch {
		case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
			return nil
		case err == nil:
			n++
		}
		return err
	})
	return n, err
}

func sealedBy(p Provider, value []byte) bool {
	if p.Prefix() == "" {
		return !bytes.HasPrefix(value, []byte(sealPrefix))
	}
	return bytes.HasPrefix(value, []byte(p.Prefix()))
}

// each calls f with every value of the inner store that a rule is for.
func (s *Store) each(ctx context.Context, f func(*Rule, store.KeyValue) error) error {
	rules := *s.rules.Load()
	for i := range rules {
		r := store.Prefix(rules[i].Prefix)
		for {
			page, err := s.inner.List(ctx, r, store.ListOptions{Limit: pageSize})
			if err != nil {
				return err
			}
			for _, kv := range page.Items {
				if ruleFor(rules, kv.Key) != &rules[i] {
					continue // an earlier rule is for it
				}
				if err := f(&rules[i], kv); err != nil {
					return err
				}
			}
			if len(page.Items) < pageSize {
				break
			}
			r.Start = page.Items[len(page.Items)-1].Key + "\x00"
		}
	}
	return nil
}

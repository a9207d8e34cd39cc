package apiserver

import (
	"context"
	"errors"
	"time"

	"github.com/coracle-k8s/coracle/api"
)

// Follow calls see with all objects of a kind, and again whenever one of them has
// changed, until ctx ends. It is for parts of the server whose configuration is
// objects: they keep what they make of these and never read on a request's way.
// Changes that come together are seen as one. The objects must not be changed.
//
// Objects that cannot be decoded are left out. Follow returns nil when ctx ends or
// the storage stops.
func (s *Storage) Follow(ctx context.Context, r *api.Resource, see func([]api.Object)) error {
	for {
		err := s.cache.followKind(ctx, r, see)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errSlowWatcher):
			continue // what it has missed, it sees in the next state
		case s.cache.stopped():
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (c *cache) followKind(ctx context.Context, r *api.Resource, see func([]api.Object)) error {
	sub, err := c.watchState(ctx, r, watchScope{})
	if err != nil {
		return err
	}
	defer sub.close()
	entries := sub.state
	for {
		objects := make([]api.Object, 0, len(entries))
		for _, e := range entries {
			if e.err == nil {
				objects = append(objects, e.object())
			}
		}
		see(objects)
		if _, err := sub.next(ctx, nil); err != nil {
			return err
		}
		if entries, _, err = c.list(ctx, r, ""); err != nil {
			return err
		}
	}
}

// stopped says whether the cache has stopped for good.
func (c *cache) stopped() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

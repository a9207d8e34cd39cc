package apiserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// A subscription is a watcher with what it must see before its queue.
type subscription struct {
	*watcher
	// state is what was there at revision, if the watch starts from the state.
	state    []*entry
	revision int64
	// past are the events between the revision asked for and the queue's first.
	past []*event

	cache *cache
	from  *collection
}

// close ends the subscription.
func (s *subscription) close() {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.from.watchers.remove(s.watcher)
}

// watchState subscribes to what is there now and all that changes later.
func (c *cache) watchState(ctx context.Context, r *api.Resource, scope watchScope) (*subscription, error) {
	col, err := c.collection(ctx, r)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	s := &subscription{watcher: newWatcher(scope), cache: c, from: col, revision: c.revision}
	s.state = col.scopeLocked(r, scope)
	col.watchers.add(s.watcher)
	err = c.stoppedLocked(col)
	c.mu.Unlock()
	if err == nil {
		s.state, err = c.into(ctx, r, s.state)
	}
	if err != nil {
		s.close()
	}
	return s, err
}

// watchAfter subscribes to all changes after a revision which the cache has
// reached. If the window no longer has them all, the store's history may:
// errors are those of store.Store.Watch.
func (c *cache) watchAfter(ctx context.Context, r *api.Resource, scope watchScope, after int64) (*subscription, error) {
	col, err := c.collection(ctx, r)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	s := &subscription{watcher: newWatcher(scope), cache: c, from: col, revision: c.revision}
	past, complete := col.window.after(after)
	col.watchers.add(s.watcher)
	err = c.stoppedLocked(col)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !complete {
		if past, err = c.history(ctx, col, after, s.revision); err != nil {
			s.close()
			return nil, err
		}
	}
	for _, e := range past {
		if scope.holds(r, e.key) {
			s.past = append(s.past, e)
		}
	}
	return s, nil
}

// stoppedLocked tells whether the cache was reset since col was looked up.
func (c *cache) stoppedLocked(col *collection) error {
	switch {
	case c.collections[col.resource] == col:
		return nil
	case !c.exists(col.resource):
		return errKindGone
	default:
		return errCacheStopped
	}
}

// history reads the events of a kind with a revision in (after, upTo] from the
// store.
func (c *cache) history(ctx context.Context, col *collection, after, upTo int64) ([]*event, error) {
	source, err := c.store.Watch(ctx, store.Prefix(col.prefix), after)
	if err != nil {
		return nil, fmt.Errorf("read history after %d: %w", after, err)
	}
	defer source.Close()
	if err := source.Progress(ctx); err != nil {
		return nil, fmt.Errorf("read history after %d: %w", after, err)
	}
	var events []*event
	for reached := after; reached < upTo; {
		batch, err := source.Next(ctx)
		if err != nil {
			return nil, fmt.Errorf("read history after %d: %w", after, err)
		}
		for _, e := range batch.Events {
			if e.KV.ModRevision > upTo {
				return events, nil
			}
			if past := c.pastEvent(ctx, col, e); !past.now.empty() || !past.before.empty() {
				events = append(events, past)
			}
		}
		reached = batch.Revision
	}
	return events, nil
}

func (c *cache) pastEvent(ctx context.Context, col *collection, e store.Event) *event {
	past := &event{key: e.KV.Key[len(col.prefix):], revision: e.KV.ModRevision}
	if e.Type == store.Put {
		past.now = c.entry(ctx, col, e.KV)
	}
	if e.Prev != nil {
		past.before = c.entry(ctx, col, *e.Prev)
	}
	return past
}

// isGone says whether an error means that history is no longer kept.
func isGone(err error) bool { return errors.Is(err, store.ErrCompacted) }

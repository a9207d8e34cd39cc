package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/store"
)

// A restore asks for another API server over what open returns.
type restore struct {
	open func(old store.Store) (store.Store, error)
	done chan error
}

// Restore stops the API server, calls open, and starts another over the store
// that it returns: open closes the old one and, say, puts a snapshot in its
// place. Everything else goes on and finds the API away for a moment; what the
// parts know they must learn again, so the new store's revision has to be beyond
// all that they have seen (boltstore.RestoreAhead).
//
// After an error of open there is no API server, and the cluster ends.
func (c *Cluster) Restore(ctx context.Context, open func(old store.Store) (store.Store, error)) error {
	r := restore{open: open, done: make(chan error, 1)}
	select {
	case c.restores <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Store returns the store that the API is over.
func (c *Cluster) Store() store.Store {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store
}

// newAPI makes the API server over the present store.
func (c *Cluster) newAPI(access Access) error {
	cfg := c.cfg
	cfg.Listeners = append(slices.Clone(cfg.Listeners), access.Listeners...)
	if !cfg.Advertise.IsValid() {
		cfg.Advertise = access.Advertise
	}
	api, err := NewAPI(cfg, c.Store(), access.Nodes, access.Pods)
	if err != nil {
		return err
	}
	// Listeners outlive this server: the cluster itself serves them.
	api.listeners = nil
	c.api.Store(api)
	return nil
}

// runAPI serves the API, by one server after the other if there are restores.
func (c *Cluster) runAPI(ctx context.Context, access Access) error {
	g, ctx := errgroup.WithContext(ctx)
	tlsConfig := c.api.Load().tls
	for _, l := range append(slices.Clone(c.cfg.Listeners), access.Listeners...) {
		g.Go(func() error {
			return apiserver.Serve(ctx, l, tlsConfig, http.HandlerFunc(c.serve), c.cfg.Logger)
		})
	}
	g.Go(func() error {
		ready := sync.OnceFunc(func() { close(c.ready) })
		for {
			again, err := c.runOneAPI(ctx, ready)
			if err != nil || !again {
				return err
			}
			if err := c.newAPI(access); err != nil {
				return err
			}
		}
	})
	return g.Wait()
}

// runOneAPI runs the present server until ctx ends or a restore is asked for; it
// reports whether there is to be another.
func (c *Cluster) runOneAPI(ctx context.Context, ready func()) (again bool, err error) {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.api.Load().Run(running, ready) }()
	var r restore
	select {
	case err := <-ended:
		return false, err
	case r = <-c.restores:
	}
	cancel()
	err = <-ended
	c.api.Store(nil) // Requests are answered with 503 meanwhile.
	if err == nil {
		err = c.swap(r.open)
	}
	r.done <- err
	if err != nil {
		return false, fmt.Errorf("restore: %w", err)
	}
	return true, nil
}

func (c *Cluster) swap(open func(store.Store) (store.Store, error)) error {
	st, err := open(c.Store())
	if err == nil && st == nil {
		err = errors.New("no store")
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store = st
	return nil
}

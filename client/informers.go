package client

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/api"
)

// Informers is a set of informers, one for each kind, which several users share:
// all controllers of a process watch pods once. It is safe for concurrent use.
type Informers struct {
	client *Client

	mu      sync.Mutex // guards the fields below
	byType  map[reflect.Type]runner
	all     []runner
	running bool
}

// A runner is an informer of some type.
type runner interface {
	Run(ctx context.Context) error
	Synced() <-chan struct{}
}

// NewInformers returns an empty set.
func NewInformers(c *Client) *Informers {
	return &Informers{client: c, byType: map[reflect.Type]runner{}}
}

// Client returns the client that the informers read with.
func (s *Informers) Client() *Client { return s.client }

// Shared returns the set's informer of T over all namespaces, the same each
// time. The first call must come before Run; it panics otherwise.
func Shared[T api.Object](s *Informers) *Informer[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	want := reflect.TypeFor[T]()
	if known := s.byType[want]; known != nil {
		return known.(*Informer[T])
	}
	if s.running {
		panic(fmt.Sprintf("client.Shared: an informer of %s was asked for after Run", want))
	}
	informer := NewInformer(s.client, InformerOptions[T]{})
	s.byType[want] = informer
	s.all = append(s.all, informer)
	return informer
}

// Run runs all informers until the context ends.
func (s *Informers) Run(ctx context.Context) error {
	s.mu.Lock()
	all := s.all
	s.running = true
	s.mu.Unlock()
	group, ctx := errgroup.WithContext(ctx)
	for _, informer := range all {
		group.Go(func() error { return informer.Run(ctx) })
	}
	return group.Wait()
}

// WaitForSync waits until every informer of the set has synced. The error is
// the context's.
func (s *Informers) WaitForSync(ctx context.Context) error {
	s.mu.Lock()
	all := s.all
	s.mu.Unlock()
	for _, informer := range all {
		select {
		case <-informer.Synced():
		case <-ctx.Done():
			return fmt.Errorf("wait for informers: %w", context.Cause(ctx))
		}
	}
	return nil
}

package resourcequota

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// discoverEvery is how long the answer stands that nobody serves a kind.
const discoverEvery = 10 * time.Second

// A follower watches the kinds that are only counted, by their metadata, and
// tells in which namespace something of them has gone.
type follower struct {
	client *client.Client
	gone   func(namespace string)
	start  chan *api.Resource // to run

	mu         sync.Mutex // guards the fields below
	known      map[schema.GroupResource]*api.Resource
	discovered time.Time
	followed   map[schema.GroupResource]bool
}

func newFollower(c *client.Client, gone func(namespace string)) *follower {
	return &follower{
		client: c, gone: gone, start: make(chan *api.Resource),
		known: map[schema.GroupResource]*api.Resource{}, followed: map[schema.GroupResource]bool{},
	}
}

// run watches what follow is called with, until the context ends.
func (f *follower) run(ctx context.Context) {
	var informers sync.WaitGroup
	defer informers.Wait()
	for {
		select {
		case resource := <-f.start:
			informer := client.NewInformerOf(client.Metadata(f.client, resource), client.InformerOptions[*metav1.PartialObjectMetadata]{})
			informer.OnChange(func(old, new *metav1.PartialObjectMetadata) {
				if new == nil {
					f.gone(old.Namespace)
				}
			})
			informers.Go(func() { _ = informer.Run(ctx) }) // nil: it runs once
		case <-ctx.Done():
			return
		}
	}
}

// follow has a kind watched. Calls after the first do nothing.
func (f *follower) follow(ctx context.Context, resource *api.Resource) error {
	f.mu.Lock()
	already := f.followed[resource.GroupResource()]
	f.followed[resource.GroupResource()] = true
	f.mu.Unlock()
	if already {
		return nil
	}
	select {
	case f.start <- resource:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// resource returns the served resource of a kind, or nil.
func (f *follower) resource(ctx context.Context, kind schema.GroupResource) (*api.Resource, error) {
	f.mu.Lock()
	found, fresh := f.known[kind], time.Since(f.discovered) < discoverEvery
	f.mu.Unlock()
	if found != nil || fresh {
		return found, nil
	}
	all, err := f.client.Discover(ctx)
	if err != nil && len(all) == 0 {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.discovered = time.Now()
	for _, resource := range all {
		if resource.Namespaced && client.Supports(resource, "list", "watch") {
			f.known[resource.GroupResource()] = resource
		}
	}
	return f.known[kind], nil
}

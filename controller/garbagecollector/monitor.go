package garbagecollector

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

const (
	// discoverEvery is how often the monitor looks for kinds that have come or gone.
	discoverEvery = 30 * time.Second
	// discoverRetry is when it tries again after a failure, and when it looks
	// after a definition of kinds has changed: by then that is served.
	discoverRetry = time.Second
)

// A monitor follows the metadata of all kinds that there are at a time, and
// keeps the graph up to date.
type monitor struct {
	client  *client.Client
	graph   *graph
	enqueue func([]types.UID)
	// synced is closed when all kinds of the first discovery have been read.
	synced chan struct{}
	// defined has room for one signal: that kinds may have come or gone.
	defined chan struct{}

	mu     sync.Mutex // guards the fields below
	kinds  map[schema.GroupKind]*api.Resource
	follow map[schema.GroupVersionResource]*following
}

// following is one kind that is followed.
type following struct {
	informer *client.Informer[*metav1.PartialObjectMetadata]
	cancel   context.CancelFunc
	ended    chan struct{}
}

func newMonitor(c *client.Client, g *graph, enqueue func([]types.UID)) *monitor {
	return &monitor{
		client: c, graph: g, enqueue: enqueue, synced: make(chan struct{}), defined: make(chan struct{}, 1),
		kinds:  map[schema.GroupKind]*api.Resource{},
		follow: map[schema.GroupVersionResource]*following{},
	}
}

// run follows until the context ends; all its informers have ended then.
func (m *monitor) run(ctx context.Context) {
	defer m.stopAll()
	for ctx.Err() == nil {
		pause := discoverRetry
		resources, err := m.client.Discover(ctx)
		if len(resources) > 0 {
			m.adjust(ctx, resources, err == nil)
			m.awaitFirst(ctx)
		}
		if err == nil {
			pause = discoverEvery
		}
		select {
		case <-time.After(pause):
			continue
		case <-m.defined:
		case <-ctx.Done():
		}
		select {
		case <-time.After(discoverRetry):
		case <-ctx.Done():
		}
	}
}

// defines says whether objects of a resource make kinds come and go.
func defines(r *api.Resource) bool {
	return r.Group == "apiextensions.k8s.io" && r.Kind == "CustomResourceDefinition" ||
		r.Group == "apiregistration.k8s.io" && r.Kind == "APIService"
}

func (m *monitor) signalDefined() {
	select {
	case m.defined <- struct{}{}:
	default:
	}
}

// adjust starts to follow what is new and, if the discovery was complete, stops
// following what is no more.
func (m *monitor) adjust(ctx context.Context, resources []*api.Resource, complete bool) {
	m.mu.Lock()
	wanted := map[schema.GroupVersionResource]bool{}
	for _, resource := range resources {
		m.kinds[resource.GroupVersionKind.GroupKind()] = resource
		if !collectable(resource) {
			continue
		}
		gvr := resource.GroupVersionResource()
		wanted[gvr] = true
		if m.follow[gvr] == nil {
			m.follow[gvr] = m.start(ctx, resource)
		}
	}
	var obsolete []*following
	for gvr, f := range m.follow {
		if complete && !wanted[gvr] {
			obsolete = append(obsolete, f)
			delete(m.follow, gvr)
		}
	}
	m.mu.Unlock()
	for _, f := range obsolete {
		f.stop()
		for _, obj := range f.informer.List("", nil) {
			m.enqueue(m.graph.remove(obj.UID))
		}
	}
}

// collectable says whether objects of a kind can own or be owned. Events are
// many, and neither.
func collectable(resource *api.Resource) bool {
	return client.Supports(resource, "list", "watch", "delete") && resource.Kind != "Event"
}

func (m *monitor) start(ctx context.Context, resource *api.Resource) *following {
	informer := client.NewInformerOf(client.Metadata(m.client, resource), client.InformerOptions[*metav1.PartialObjectMetadata]{})
	informer.OnChange(func(old, new *metav1.PartialObjectMetadata) {
		if defines(resource) {
			m.signalDefined()
		}
		if new == nil {
			m.enqueue(m.graph.remove(old.UID))
			return
		}
		m.enqueue(m.graph.observe(newNode(resource, new)))
	})
	ctx, cancel := context.WithCancel(ctx)
	f := &following{informer: informer, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		_ = informer.Run(ctx) // nil: it runs once
	}()
	return f
}

func (f *following) stop() {
	f.cancel()
	<-f.ended
}

// awaitFirst closes synced after the first kinds have been read.
func (m *monitor) awaitFirst(ctx context.Context) {
	select {
	case <-m.synced:
		return
	default:
	}
	m.mu.Lock()
	var first []*following
	for _, f := range m.follow {
		first = append(first, f)
	}
	m.mu.Unlock()
	for _, f := range first {
		select {
		case <-f.informer.Synced():
		case <-ctx.Done():
			return
		}
	}
	close(m.synced)
}

func (m *monitor) stopAll() {
	m.mu.Lock()
	all := m.follow
	m.follow = nil
	m.mu.Unlock()
	for _, f := range all {
		f.stop()
	}
}

// forKind returns the resource that serves a kind, in whichever version, or nil.
func (m *monitor) forKind(kind schema.GroupVersionKind) *api.Resource {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kinds[kind.GroupKind()]
}

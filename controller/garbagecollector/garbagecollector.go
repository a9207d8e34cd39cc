package garbagecollector

import (
	"context"
	"log/slog"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// workers is how many objects are looked at at the same time.
const workers = 20

// A Collector is the garbage collector. It has informers of its own, since it
// needs all kinds and only their metadata.
type Collector struct {
	client     *client.Client
	graph      *graph
	monitor    *monitor
	controller *controller.Controller
	recorder   *client.Recorder
	log        *slog.Logger
}

// New returns the garbage collector. The informers are not used.
func New(c *client.Client, _ *client.Informers, opts controller.Options) *Collector {
	if opts.Workers == 0 {
		opts.Workers = workers
	}
	gc := &Collector{client: c, graph: newGraph(), recorder: opts.Recorder, log: opts.Logger}
	if gc.log == nil {
		gc.log = slog.New(slog.DiscardHandler)
	}
	gc.monitor = newMonitor(c, gc.graph, gc.enqueue)
	gc.controller = controller.New("garbage-collector", gc, opts)
	gc.controller.WaitFor(gc.monitor.synced)
	return gc
}

// Name returns the controller's name.
func (gc *Collector) Name() string { return gc.controller.Name() }

// Run collects until the context ends.
func (gc *Collector) Run(ctx context.Context) error {
	var monitoring sync.WaitGroup
	monitoring.Go(func() { gc.monitor.run(ctx) })
	err := gc.controller.Run(ctx)
	monitoring.Wait()
	return err
}

func (gc *Collector) enqueue(uids []types.UID) {
	for _, uid := range uids {
		gc.controller.Enqueue(controller.Key{Name: string(uid)})
	}
}

package scheduler

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
)

// DefaultName is the schedulerName of pods that do not ask for another.
const DefaultName = corev1.DefaultSchedulerName

// Config is what a [Scheduler] needs.
type Config struct {
	Client *client.Client
	// Profile are the plugins; see package plugins for the usual ones.
	Profile Profile
	// Informers are those that plugins asked for; the scheduler runs them.
	Informers *client.Informers
	// Name is the schedulerName of the pods to schedule, by default DefaultName.
	Name   string
	Logger *slog.Logger // nil: none
	// Decided, if given, is told of every decision, by the scheduling
	// goroutine. It must not block.
	Decided func(pod *corev1.Pod, d *Decision)
}

// A Scheduler gives nodes to pods. Use one Run at a time.
type Scheduler struct {
	cfg       Config
	cache     *Cache
	queue     *Queue
	nominated *Nominations
	recorder  *client.Recorder
	pods      *client.Informer[*corev1.Pod]
	nodes     *client.Informer[*corev1.Node]
	start     int // the node where the next search begins
	// places bounds the binding requests under way.
	places chan struct{}
}

// New returns a scheduler that does nothing yet.
func New(cfg Config) *Scheduler {
	if cfg.Name == "" {
		cfg.Name = DefaultName
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Informers == nil {
		cfg.Informers = client.NewInformers(cfg.Client)
	}
	s := &Scheduler{
		cfg:       cfg,
		cache:     NewCache(),
		nominated: NewNominations(),
		recorder:  client.NewRecorder(cfg.Client, cfg.Name, ""),
		// Pods that ended use nothing any more.
		pods: client.NewInformer(cfg.Client, client.InformerOptions[*corev1.Pod]{
			FieldSelector: "status.phase!=Succeeded,status.phase!=Failed",
		}),
		nodes:  client.Shared[*corev1.Node](cfg.Informers),
		places: make(chan struct{}, maxBinding),
	}
	s.queue = NewQueue(s.helps)
	s.pods.OnChange(s.podChanged)
	s.nodes.OnChange(s.nodeChanged)
	for _, p := range cfg.Profile {
		if w, ok := p.(Watcher); ok {
			w.Watch(s.queue.Changed)
		}
	}
	return s
}

// Run schedules pods until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.cfg.Informers.Run(ctx) })
	g.Go(func() error { return s.pods.Run(ctx) })
	g.Go(func() error { return s.recorder.Run(ctx) })
	g.Go(func() error { return s.loop(ctx) })
	return g.Wait()
}

// loop schedules one pod after the other and lets bindings go on beside.
func (s *Scheduler) loop(ctx context.Context) error {
	if err := s.cfg.Informers.WaitForSync(ctx); err != nil {
		return nil
	}
	select {
	case <-s.pods.Synced():
	case <-ctx.Done():
		return nil
	}
	var binding sync.WaitGroup
	defer binding.Wait()
	for {
		pod, err := s.queue.Pop(ctx)
		if err != nil {
			return nil
		}
		if info, node := s.one(ctx, pod); node != "" {
			binding.Go(func() { s.bind(ctx, info, node) })
		}
	}
}

// one runs the cycle of one pod. It returns the pod with its node, which it is
// then assumed to be on, or no node.
func (s *Scheduler) one(ctx context.Context, pod *corev1.Pod) (*PodInfo, string) {
	if s.cache.Has(pod) {
		s.queue.Done(pod.UID)
		return nil, ""
	}
	info := NewPodInfo(pod)
	cycle := NewCycle(s.cfg.Profile, info, s.snapshot())
	var d *Decision
	d, s.start = cycle.Schedule(s.start)
	if s.cfg.Decided != nil {
		s.cfg.Decided(pod, d)
	}
	if d.Node == "" {
		s.refused(ctx, info, d)
		return nil, ""
	}
	s.cfg.Logger.Debug("scheduled pod", "pod", pod.Namespace+"/"+pod.Name, "node", d.Node)
	if !s.cache.Assume(info, d.Node) {
		s.queue.Done(pod.UID)
		return nil, ""
	}
	s.nominated.Remove(pod.UID)
	return info, d.Node
}

// snapshot is that of the cache, with who is nominated.
func (s *Scheduler) snapshot() *Snapshot {
	snapshot := *s.cache.Snapshot()
	snapshot.Nominated = s.nominated.View()
	return &snapshot
}

// refused makes a pod wait for which there was no node, pushes others off for
// it if that was decided, and tells people.
func (s *Scheduler) refused(ctx context.Context, info *PodInfo, d *Decision) {
	s.queue.Refused(info.UID, d.Refusers())
	switch p := d.Preemption; {
	case p == nil: // There are no nodes.
	case p.Node != "":
		s.nominated.Set(info, p.Node)
		if err := s.pushOff(ctx, info, p); err != nil {
			if ctx.Err() == nil {
				s.cfg.Logger.Warn("push pods off", "for", info.Namespace+"/"+info.Name, "node", p.Node, "error", err)
			}
			s.denominate(info.UID)
		}
	case !p.wait:
		s.denominate(info.UID)
	}
	s.report(ctx, info.Pod, corev1.PodReasonUnschedulable, d.Message())
}

// helps asks a plugin whether a change may help.
func (s *Scheduler) helps(plugin string, change Change) bool {
	for _, p := range s.cfg.Profile {
		if p.Name() == plugin {
			return p.Helps(change)
		}
	}
	return true
}

// mine reports whether the pod waits for this scheduler.
func (s *Scheduler) mine(pod *corev1.Pod) bool {
	return pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil &&
		pod.Spec.SchedulerName == s.cfg.Name && len(pod.Spec.SchedulingGates) == 0
}

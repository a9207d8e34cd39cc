package scheduler

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/client"
)

// DefaultName is the schedulerName of pods that do not ask for another.
const DefaultName = corev1.DefaultSchedulerName

// maxBinding is how many pods may be on their way to their node at once.
const maxBinding = 64

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

// A PreBinder is a plugin with something to do between the decision and the
// binding, such as having a volume made on the node. It may block; an error, or
// the end of ctx, sends the pod back to the queue.
type PreBinder interface {
	Plugin
	PreBind(ctx context.Context, pod *corev1.Pod, node string) error
}

// A Scheduler gives nodes to pods. Use one Run at a time.
type Scheduler struct {
	cfg      Config
	cache    *Cache
	queue    *Queue
	recorder *client.Recorder
	pods     *client.Informer[*corev1.Pod]
	nodes    *client.Informer[*corev1.Node]
	start    int // the node where the next search begins
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
		cfg:      cfg,
		cache:    NewCache(),
		recorder: client.NewRecorder(cfg.Client, cfg.Name, ""),
		// Pods that ended use nothing any more.
		pods: client.NewInformer(cfg.Client, client.InformerOptions[*corev1.Pod]{
			FieldSelector: "status.phase!=Succeeded,status.phase!=Failed",
		}),
		nodes: client.Shared[*corev1.Node](cfg.Informers),
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
	places := make(chan struct{}, maxBinding)
	for {
		pod, err := s.queue.Pop(ctx)
		if err != nil {
			return nil
		}
		info, node := s.one(ctx, pod)
		if node == "" {
			continue
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		binding.Go(func() {
			s.bind(ctx, info, node)
			<-places
		})
	}
}

// one runs the cycle of one pod. It returns the pod with its node, which it is
// then assumed to be on, or no node.
func (s *Scheduler) one(ctx context.Context, pod *corev1.Pod) (*PodInfo, string) {
	if pod.DeletionTimestamp != nil || s.cache.Has(pod) {
		s.queue.Done(pod)
		return nil, ""
	}
	info := NewPodInfo(pod)
	var d *Decision
	d, s.start = NewCycle(info, s.cache.Snapshot()).Schedule(s.cfg.Profile, s.start)
	if s.cfg.Decided != nil {
		s.cfg.Decided(pod, d)
	}
	if d.Node == "" {
		s.queue.Retry(pod, d.Refusers())
		s.report(ctx, pod, d)
		return nil, ""
	}
	s.cfg.Logger.Debug("scheduled pod", "pod", pod.Namespace+"/"+pod.Name, "node", d.Node)
	s.cache.Assume(info, d.Node)
	s.queue.Done(pod)
	return info, d.Node
}

// bind makes the decision known to everybody.
func (s *Scheduler) bind(ctx context.Context, info *PodInfo, node string) {
	err := s.preBind(ctx, info.Pod, node)
	if err == nil {
		err = client.Bind(ctx, s.cfg.Client, info.Pod, node)
	}
	if err == nil {
		s.recorder.Eventf(info.Pod, corev1.EventTypeNormal, "Scheduled",
			"Successfully assigned %s/%s to %s", info.Namespace, info.Name, node)
		return
	}
	if ctx.Err() != nil {
		return
	}
	s.cfg.Logger.Warn("bind pod", "pod", info.Namespace+"/"+info.Name, "node", node, "error", err)
	s.cache.Forget(info)
	s.queue.Changed(PodDeleted) // What it would have used is free again.
	if current, ok := s.pods.Get(info.Namespace, info.Name); ok && s.mine(current) && current.UID == info.UID {
		s.queue.Unbound(current)
		s.recorder.Eventf(info.Pod, corev1.EventTypeWarning, "FailedScheduling", "binding to %s: %v", node, err)
	}
}

func (s *Scheduler) preBind(ctx context.Context, pod *corev1.Pod, node string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for _, p := range s.cfg.Profile {
		if pre, ok := p.(PreBinder); ok {
			if err := pre.PreBind(ctx, pod, node); err != nil {
				return err
			}
		}
	}
	return nil
}

// report tells people why there is no node: as an event, and as the pod's
// PodScheduled condition.
func (s *Scheduler) report(ctx context.Context, pod *corev1.Pod, d *Decision) {
	message := d.Message()
	s.recorder.Eventf(pod, corev1.EventTypeWarning, "FailedScheduling", "%s", message)
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Message == message {
			return
		}
	}
	if err := markUnschedulable(ctx, s.cfg.Client, pod, message); err != nil && ctx.Err() == nil {
		s.cfg.Logger.Warn("report unschedulable pod", "pod", pod.Namespace+"/"+pod.Name, "error", err)
	}
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

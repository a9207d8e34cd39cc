package podgc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

const (
	sweepEvery = 20 * time.Second
	// quarantine is how long a node must have been missing.
	quarantine = 40 * time.Second
	// defaultKeep is how many ended pods a cluster keeps.
	defaultKeep = 12500
)

// Options tune the controller. The zero value works.
type Options struct {
	controller.Options
	// Keep is how many pods that have ended are left for people to look at;
	// 12,500 by default.
	Keep int
}

// sweep is the only key: one reconciliation looks at all pods.
var sweep = controller.Key{Name: "sweep"}

// New returns the pod garbage collector.
func New(c *client.Client, informers *client.Informers, opts Options) *controller.Controller {
	g := &collector{
		keep: opts.Keep, log: opts.Logger,
		pods: client.Shared[*corev1.Pod](informers), nodes: client.Shared[*corev1.Node](informers),
		podKind: client.For[*corev1.Pod](c), nodeKind: client.For[*corev1.Node](c),
		missing: map[string]time.Time{},
	}
	if g.keep <= 0 {
		g.keep = defaultKeep
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	opts.Workers = 1
	ctl := controller.New("pod-garbage-collector", g, opts.Options)
	ctl.WaitFor(g.pods.Synced())
	ctl.WaitFor(g.nodes.Synced())
	ctl.Enqueue(sweep)
	return ctl
}

type collector struct {
	keep     int
	log      *slog.Logger
	pods     *client.Informer[*corev1.Pod]
	nodes    *client.Informer[*corev1.Node]
	podKind  *client.Kind[*corev1.Pod]
	nodeKind *client.Kind[*corev1.Node]
	// missing is since when nodes that pods name have not been there. Only
	// the one worker uses it.
	missing map[string]time.Time
}

// Reconcile implements controller.Reconciler.
func (g *collector) Reconcile(ctx context.Context, _ controller.Key) (controller.Result, error) {
	pods := g.pods.List("", nil)
	lost, err := g.lostNodes(ctx, pods)
	if err != nil {
		return controller.Result{}, err
	}
	var failures []error
	for _, r := range choose(pods, g.node, func(name string) bool { return lost[name] }, g.keep) {
		if err := g.remove(ctx, r); err != nil {
			failures = append(failures, err)
		}
	}
	return controller.Result{RequeueAfter: sweepEvery}, errors.Join(failures...)
}

func (g *collector) node(name string) *corev1.Node {
	node, _ := g.nodes.Get("", name)
	return node
}

// lostNodes returns the nodes that have been missing for long enough and that
// the API server does not know either.
func (g *collector) lostNodes(ctx context.Context, pods []*corev1.Pod) (map[string]bool, error) {
	now, missing, lost := time.Now(), map[string]time.Time{}, map[string]bool{}
	for _, pod := range pods {
		name := pod.Spec.NodeName
		if name == "" || g.node(name) != nil {
			continue
		}
		if _, done := missing[name]; done {
			continue
		}
		since, before := g.missing[name]
		if !before {
			since = now
		}
		missing[name] = since
		if now.Sub(since) < quarantine {
			continue
		}
		_, err := g.nodeKind.Get(ctx, "", name)
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		lost[name] = err != nil
	}
	g.missing = missing
	return lost, nil
}

// remove removes a pod at once, whatever its grace period.
func (g *collector) remove(ctx context.Context, r removal) error {
	pod := r.pod
	g.log.Info("removing pod", "pod", controller.KeyOf(pod).String(), "because", string(r.reason))
	if r.reason.fails() && !hasEnded(pod) {
		_, err := g.podKind.ModifyStatus(ctx, pod.Namespace, pod.Name, func(live *corev1.Pod) error {
			if live.UID == pod.UID {
				fail(live, metav1.Now())
			}
			return nil
		})
		if err != nil {
			return ignoreGone(err)
		}
	}
	err := g.podKind.Delete(ctx, pod.Namespace, pod.Name, client.GracePeriod(0), client.Precondition(pod.UID, ""))
	if apierrors.IsConflict(err) {
		return nil // another pod of this name
	}
	if err := ignoreGone(err); err != nil {
		return fmt.Errorf("remove pod %s: %w", controller.KeyOf(pod), err)
	}
	return nil
}

// fail says in the pod's status that it is over.
func fail(pod *corev1.Pod, now metav1.Time) {
	pod.Status.Phase = corev1.PodFailed
	condition := corev1.PodCondition{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: now,
		Reason: "DeletionByPodGC", Message: "PodGC: node no longer exists or is out of service",
	}
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == corev1.DisruptionTarget {
			pod.Status.Conditions[i] = condition
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, condition)
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

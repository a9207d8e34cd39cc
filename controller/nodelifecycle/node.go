package nodelifecycle

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// Options tune the node-lifecycle controller. The zero value works.
type Options struct {
	controller.Options
	// Grace is how long a node may be silent before it counts as dead; 40 s
	// by default. It must be several times the ten seconds between two renewals
	// of a Lease.
	Grace time.Duration
	// EvictionInterval is the time between two nodes that get a NoExecute
	// taint; 10 s by default.
	EvictionInterval time.Duration
}

// byNode is the index of pods by the name of their node.
const byNode = "spec.nodeName"

// New returns the controller that watches over nodes. Its keys are names of nodes.
func New(c *client.Client, informers *client.Informers, opts Options) *controller.Controller {
	r := &nodeReconciler{
		grace: opts.Grace, interval: opts.EvictionInterval, recorder: opts.Recorder,
		nodes:    client.Shared[*corev1.Node](informers),
		leases:   client.Shared[*coordinationv1.Lease](informers),
		pods:     podsByNode(informers),
		nodeKind: client.For[*corev1.Node](c), podKind: client.For[*corev1.Pod](c),
		pulses: map[string]pulse{},
	}
	if r.grace <= 0 {
		r.grace = 40 * time.Second
	}
	if r.interval <= 0 {
		r.interval = 10 * time.Second
	}
	ctl := controller.New("node-lifecycle", r, opts.Options)
	controller.Watch(ctl, r.nodes, controller.Self)
	controller.Watch(ctl, r.leases, func(lease *coordinationv1.Lease) []controller.Key {
		if lease.Namespace != corev1.NamespaceNodeLease {
			return nil
		}
		return []controller.Key{{Name: lease.Name}}
	})
	ctl.WaitFor(r.pods.Synced())
	return ctl
}

func podsByNode(informers *client.Informers) *client.Informer[*corev1.Pod] {
	pods := client.Shared[*corev1.Pod](informers)
	pods.AddIndex(byNode, func(pod *corev1.Pod) []string { return []string{pod.Spec.NodeName} })
	return pods
}

type nodeReconciler struct {
	grace, interval time.Duration
	recorder        *client.Recorder
	nodes           *client.Informer[*corev1.Node]
	leases          *client.Informer[*coordinationv1.Lease]
	pods            *client.Informer[*corev1.Pod]
	nodeKind        *client.Kind[*corev1.Node]
	podKind         *client.Kind[*corev1.Pod]

	mu        sync.Mutex // guards the fields below
	pulses    map[string]pulse
	nextEvict time.Time
}

// Reconcile implements controller.Reconciler.
func (r *nodeReconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	node, ok := r.nodes.Get("", key.Name)
	if !ok {
		r.forget(key.Name)
		return controller.Result{}, nil
	}
	left := r.grace - r.silentFor(node)
	if left <= 0 {
		silent, err := r.declareSilent(ctx, node)
		if err != nil {
			return controller.Result{}, ignoreGone(err)
		}
		node, left = silent, 0
	}
	if readiness(node) == corev1.ConditionUnknown {
		if err := r.podsNotReady(ctx, node.Name); err != nil {
			return controller.Result{}, err
		}
	}
	wait, err := r.taint(ctx, node)
	if err != nil {
		return controller.Result{}, ignoreGone(err)
	}
	if wait == 0 || (left > 0 && left < wait) {
		wait = left
	}
	return controller.Result{RequeueAfter: wait}, nil
}

// silentFor returns for how long the node has shown no sign.
func (r *nodeReconciler) silentFor(node *corev1.Node) time.Duration {
	lease, _ := r.leases.Get(corev1.NamespaceNodeLease, node.Name)
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	p := feel(r.pulses[node.Name], signOf(node, lease), now)
	r.pulses[node.Name] = p
	return now.Sub(p.at)
}

func (r *nodeReconciler) forget(node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pulses, node)
}

// declareSilent writes into the node's status that nothing is known of it.
func (r *nodeReconciler) declareSilent(ctx context.Context, node *corev1.Node) (*corev1.Node, error) {
	if !silence(node.DeepCopy(), metav1.Now()) {
		return node, nil
	}
	written, err := r.nodeKind.ModifyStatus(ctx, "", node.Name, func(live *corev1.Node) error {
		if before, after := conditionOf(node, corev1.NodeReady), conditionOf(live, corev1.NodeReady); before != nil && after != nil &&
			!before.LastHeartbeatTime.Equal(&after.LastHeartbeatTime) {
			return fmt.Errorf("node %s has just shown itself: %w", node.Name, controller.ErrRetry)
		}
		silence(live, metav1.Now())
		return nil
	})
	if err == nil {
		r.recorder.Eventf(node, corev1.EventTypeNormal, "NodeNotReady", "Node %s status is now: NodeNotReady", node.Name)
	}
	return written, err
}

// podsNotReady marks the pods of a silent node, so that Services drop them. The
// kubelet puts that right if it comes back.
func (r *nodeReconciler) podsNotReady(ctx context.Context, node string) error {
	for _, pod := range r.pods.ByIndex(byNode, node) {
		if !isReady(pod) {
			continue
		}
		_, err := r.podKind.ModifyStatus(ctx, pod.Namespace, pod.Name, func(live *corev1.Pod) error {
			if live.UID == pod.UID {
				markNotReady(live, metav1.Now())
			}
			return nil
		})
		if ignoreGone(err) != nil {
			return err
		}
		r.recorder.Eventf(pod, corev1.EventTypeWarning, "NodeNotReady", "Node is not ready")
	}
	return nil
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func markNotReady(pod *corev1.Pod, now metav1.Time) {
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			c.Status, c.Reason, c.LastTransitionTime = corev1.ConditionFalse, "NodeNotReady", now
		}
	}
}

// taint gives the node the taints that its conditions call for. If a taint that
// evicts has to wait, it returns for how long.
func (r *nodeReconciler) taint(ctx context.Context, node *corev1.Node) (time.Duration, error) {
	c := compare(node.Spec.Taints, wanted(node))
	var wait time.Duration
	if c.evicting() {
		if wait = r.evictionWait(); wait > 0 {
			c = c.gentle()
		}
	}
	if c.none() {
		return wait, nil
	}
	_, err := r.nodeKind.Modify(ctx, "", node.Name, func(live *corev1.Node) error {
		c := compare(live.Spec.Taints, wanted(live))
		if wait > 0 {
			c = c.gentle()
		}
		live.Spec.Taints = c.apply(live.Spec.Taints, metav1.Now())
		return nil
	})
	return wait, err
}

// evictionWait returns zero and starts a new interval if a node may get a
// NoExecute taint now. While no node is ready, none may.
func (r *nodeReconciler) evictionWait() time.Duration {
	anyReady := false
	for _, node := range r.nodes.List("", nil) {
		anyReady = anyReady || readiness(node) == corev1.ConditionTrue
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !anyReady {
		return r.interval
	}
	if wait := r.nextEvict.Sub(now); wait > 0 {
		return wait
	}
	r.nextEvict = now.Add(r.interval)
	return 0
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

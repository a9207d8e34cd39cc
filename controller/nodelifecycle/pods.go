package nodelifecycle

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// NewTaintEviction returns the controller that deletes pods which do not bear the
// taints of their node. Its keys are pods.
func NewTaintEviction(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	r := &podReconciler{
		recorder: opts.Recorder,
		nodes:    client.Shared[*corev1.Node](informers),
		pods:     podsByNode(informers),
		podKind:  client.For[*corev1.Pod](c),
		seen:     map[string]map[corev1.Taint]time.Time{},
	}
	ctl := controller.New("taint-eviction", r, opts)
	controller.Watch(ctl, r.pods, controller.Self)
	controller.Watch(ctl, r.nodes, func(node *corev1.Node) []controller.Key {
		r.note(node)
		var keys []controller.Key
		for _, pod := range r.pods.ByIndex(byNode, node.Name) {
			keys = append(keys, controller.KeyOf(pod))
		}
		return keys
	})
	return ctl
}

type podReconciler struct {
	recorder *client.Recorder
	nodes    *client.Informer[*corev1.Node]
	pods     *client.Informer[*corev1.Pod]
	podKind  *client.Kind[*corev1.Pod]

	mu sync.Mutex // guards the field below
	// seen is when each NoExecute taint without a timeAdded was first seen on
	// a node.
	seen map[string]map[corev1.Taint]time.Time
}

// note remembers when a node's taints were first seen, and forgets those that
// have gone.
func (r *podReconciler) note(node *corev1.Node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, after := r.seen[node.Name], map[corev1.Taint]time.Time{}
	for _, taint := range noExecute(node.Spec.Taints) {
		if taint.TimeAdded != nil {
			continue
		}
		at, known := before[taint]
		if !known {
			at = time.Now()
		}
		after[taint] = at
	}
	if len(after) == 0 {
		delete(r.seen, node.Name)
		return
	}
	r.seen[node.Name] = after
}

// since returns when a taint was put on a node.
func (r *podReconciler) since(node string, taint corev1.Taint) time.Time {
	if taint.TimeAdded != nil {
		return taint.TimeAdded.Time
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.seen[node][taint]; ok {
		return at
	}
	return time.Now()
}

// Reconcile implements controller.Reconciler. It computes the time anew each time it is called,
// so a taint that goes away or a toleration that is added cancels an eviction by itself.
func (r *podReconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	pod, ok := r.pods.Get(key.Namespace, key.Name)
	if !ok || pod.DeletionTimestamp != nil || pod.Spec.NodeName == "" {
		return controller.Result{}, nil
	}
	node, ok := r.nodes.Get("", pod.Spec.NodeName)
	if !ok {
		return controller.Result{}, nil // podgc sees to pods without a node
	}
	at, evict := evictAt(pod.Spec.Tolerations, noExecute(node.Spec.Taints), func(t corev1.Taint) time.Time {
		return r.since(node.Name, t)
	})
	if !evict {
		return controller.Result{}, nil
	}
	if wait := time.Until(at); wait > 0 {
		return controller.Result{RequeueAfter: wait}, nil
	}
	return controller.Result{}, r.evict(ctx, pod)
}

// evict says in the pod's status why it goes, and deletes it.
func (r *podReconciler) evict(ctx context.Context, pod *corev1.Pod) error {
	_, err := r.podKind.ModifyStatus(ctx, pod.Namespace, pod.Name, func(live *corev1.Pod) error {
		if live.UID == pod.UID {
			markDisrupted(live, metav1.Now())
		}
		return nil
	})
	if err == nil {
		r.recorder.Eventf(pod, corev1.EventTypeNormal, "TaintManagerEviction", "Marking for deletion Pod %s/%s", pod.Namespace, pod.Name)
		err = r.podKind.Delete(ctx, pod.Namespace, pod.Name, client.Precondition(pod.UID, ""))
	}
	if apierrors.IsConflict(err) {
		return nil // another pod of this name: it comes by itself
	}
	return ignoreGone(err)
}

func markDisrupted(pod *corev1.Pod, now metav1.Time) {
	condition := corev1.PodCondition{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: now,
		Reason: "DeletionByTaintManager", Message: "Taint manager: deleting due to NoExecute taint",
	}
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == corev1.DisruptionTarget {
			pod.Status.Conditions[i] = condition
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, condition)
}

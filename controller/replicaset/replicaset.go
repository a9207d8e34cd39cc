package replicaset

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/podstate"
)

// Name is the controller's name.
const Name = "replicaset"

// maxBurst is how many pods one reconciliation creates or deletes at most.
const maxBurst = 500

var kind = appsv1.SchemeGroupVersion.WithKind("ReplicaSet")

type reconciler struct {
	sets     *client.Informer[*appsv1.ReplicaSet]
	pods     *client.Informer[*corev1.Pod]
	setKind  *client.Kind[*appsv1.ReplicaSet]
	podKind  *client.Kind[*corev1.Pod]
	recorder *client.Recorder
	expect   controller.Expectations
}

// New returns the controller.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	r := &reconciler{
		sets:     client.Shared[*appsv1.ReplicaSet](informers),
		pods:     client.Shared[*corev1.Pod](informers),
		setKind:  client.For[*appsv1.ReplicaSet](c),
		podKind:  client.For[*corev1.Pod](c),
		recorder: opts.Recorder,
	}
	// Before the controller hears of it, or it would still wait for the pod.
	r.pods.OnChange(func(old, pod *corev1.Pod) {
		if pod == nil {
			r.expect.Gone(old.UID)
		}
	})
	ctl := controller.New(Name, r, opts)
	controller.Watch(ctl, r.sets, controller.Self)
	controller.Watch(ctl, r.pods, r.concerned)
	return ctl
}

// concerned are the sets that a pod's change concerns: the one that controls
// it, or, of a pod on its own, those that may want to adopt it.
func (r *reconciler) concerned(pod *corev1.Pod) []controller.Key {
	if metav1.GetControllerOfNoCopy(pod) != nil {
		return controller.Owner[*corev1.Pod](kind.Kind)(pod)
	}
	var keys []controller.Key
	for _, rs := range r.sets.List(pod.Namespace, nil) {
		if selects(rs, pod) {
			keys = append(keys, controller.KeyOf(rs))
		}
	}
	return keys
}

// Reconcile implements controller.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	rs, ok := r.sets.Get(key.Namespace, key.Name)
	if !ok {
		r.expect.Forget(key)
		return controller.Result{}, nil
	}
	// This must come before the pods are read: what the cache shows then is at
	// least what was waited for.
	current := r.expect.Met(key, r.lookup(rs.Namespace))
	pods, err := r.claim(ctx, rs)
	if err != nil {
		return controller.Result{}, err
	}
	var failure error
	if current && rs.DeletionTimestamp == nil {
		failure = r.manage(ctx, rs, pods)
	}
	soon, err := r.writeStatus(ctx, rs, pods, failure)
	return controller.Result{RequeueAfter: soon}, errors.Join(failure, err)
}

// claim returns the pods of the set, adopting and releasing as needed.
func (r *reconciler) claim(ctx context.Context, rs *appsv1.ReplicaSet) ([]*corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("selector of %s: %w", rs.Name, err)
	}
	claim := controller.Claim[*corev1.Pod]{
		Kind: r.podKind, Owner: rs, OwnerGVK: kind, Selector: selector,
		MayAdopt: func(ctx context.Context) error {
			live, err := r.setKind.Get(ctx, rs.Namespace, rs.Name)
			if err == nil && (live.UID != rs.UID || live.DeletionTimestamp != nil) {
				err = fmt.Errorf("replica set %s is being deleted", rs.Name)
			}
			return err
		},
	}
	return claim.Of(ctx, r.pods.List(rs.Namespace, nil))
}

func selects(rs *appsv1.ReplicaSet, pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(pod.Labels))
}

// lookup tells which pods the cache shows.
func (r *reconciler) lookup(namespace string) func(types.UID) (there, deleting bool) {
	known := map[types.UID]*corev1.Pod{}
	for _, p := range r.pods.List(namespace, nil) {
		known[p.UID] = p
	}
	return func(uid types.UID) (there, deleting bool) {
		p, ok := known[uid]
		return ok, ok && p.DeletionTimestamp != nil
	}
}

// manage takes the step that the plan says.
func (r *reconciler) manage(ctx context.Context, rs *appsv1.ReplicaSet, pods []*corev1.Pod) error {
	plan := MakePlan(int(*rs.Spec.Replicas), pods)
	if plan.Create > 0 {
		return slowStart(min(plan.Create, maxBurst), func() error { return r.create(ctx, rs) })
	}
	victims := plan.Delete[:min(len(plan.Delete), maxBurst)]
	errs := make([]error, len(victims))
	var wg sync.WaitGroup
	for i, p := range victims {
		wg.Go(func() { errs[i] = r.delete(ctx, rs, p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *reconciler) create(ctx context.Context, rs *appsv1.ReplicaSet) error {
	pod := podstate.FromTemplate(&rs.Spec.Template, rs.Namespace, rs, metav1.NewControllerRef(rs, kind))
	created, err := r.podKind.Create(ctx, pod)
	if err != nil {
		if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			r.recorder.Eventf(rs, corev1.EventTypeWarning, "FailedCreate", "Error creating: %v", err)
		}
		return err
	}
	r.expect.Created(controller.KeyOf(rs), created.UID)
	r.recorder.Eventf(rs, corev1.EventTypeNormal, "SuccessfulCreate", "Created pod: %s", created.Name)
	return nil
}

func (r *reconciler) delete(ctx context.Context, rs *appsv1.ReplicaSet, pod *corev1.Pod) error {
	err := r.podKind.Delete(ctx, pod.Namespace, pod.Name, client.Precondition(pod.UID, ""))
	switch {
	case apierrors.IsNotFound(err) || apierrors.IsConflict(err):
		return nil // It is gone already, or another has its name.
	case err != nil:
		r.recorder.Eventf(rs, corev1.EventTypeWarning, "FailedDelete", "Error deleting: %v", err)
		return err
	}
	r.expect.Deleted(controller.KeyOf(rs), pod.UID)
	r.recorder.Eventf(rs, corev1.EventTypeNormal, "SuccessfulDelete", "Deleted pod: %s", pod.Name)
	return nil
}

// writeStatus stores the status if it changed.
func (r *reconciler) writeStatus(ctx context.Context, rs *appsv1.ReplicaSet, pods []*corev1.Pod, failure error) (time.Duration, error) {
	status, soon := StatusOf(rs, pods, failure, time.Now())
	if equality.Semantic.DeepEqual(status, rs.Status) {
		return soon, nil
	}
	update := rs.DeepCopy()
	update.Status = status
	_, err := r.setKind.UpdateStatus(ctx, update)
	if apierrors.IsNotFound(err) {
		err = nil
	}
	return soon, err
}

// slowStart calls f n times: once, and then in rounds of twice as many, as long
// as all calls of a round succeed. It returns the first round's errors that
// did not.
func slowStart(n int, f func() error) error {
	for round := 1; n > 0; round *= 2 {
		round = min(round, n)
		errs := make([]error, round)
		var wg sync.WaitGroup
		for i := range round {
			wg.Go(func() { errs[i] = f() })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		n -= round
	}
	return nil
}

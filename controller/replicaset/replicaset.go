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

	"github.com/coracle-k8s/coracle/api"
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
	controller.IndexOwned(r.pods)
	controller.IndexOwned(r.sets)
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
	current := r.expect.Met(key, controller.LookupIn(r.pods))
	pods, err := r.claim(ctx, rs)
	if err != nil {
		return controller.Result{}, err
	}
	if !current || rs.DeletionTimestamp != nil {
		soon, err := r.writeStatus(ctx, rs, pods, failureIn(rs))
		if !current && soon == 0 {
			soon = controller.ExpectFor
		}
		return controller.Result{RequeueAfter: soon}, err
	}
	reason, failure := r.manage(ctx, rs, pods)
	soon, err := r.writeStatus(ctx, rs, pods, failureOf(reason, failure))
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
		Live: func(ctx context.Context) (api.Object, error) { return r.setKind.Get(ctx, rs.Namespace, rs.Name) },
	}
	var candidates []*corev1.Pod
	for _, pod := range controller.Candidates(r.pods, rs) {
		// What has ended is no use to anybody else: it is not adopted.
		if podstate.IsActive(pod) || metav1.GetControllerOfNoCopy(pod) != nil {
			candidates = append(candidates, pod)
		}
	}
	return claim.Of(ctx, candidates)
}

func selects(rs *appsv1.ReplicaSet, pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(pod.Labels))
}

// related are the pods of all sets that the set's own controller has: those of
// the Deployment. On a node with many of them, one is missed least.
func (r *reconciler) related(rs *appsv1.ReplicaSet, pods []*corev1.Pod) []*corev1.Pod {
	ref := metav1.GetControllerOfNoCopy(rs)
	if ref == nil {
		return pods
	}
	var all []*corev1.Pod
	for _, sibling := range controller.OwnedBy(r.sets, ref.UID) {
		all = append(all, controller.OwnedBy(r.pods, sibling.UID)...)
	}
	return all
}

// manage takes the step that the plan says. With an error it says what failed,
// as the condition ReplicaFailure has it.
func (r *reconciler) manage(ctx context.Context, rs *appsv1.ReplicaSet, pods []*corev1.Pod) (reason string, err error) {
	plan := MakePlan(int(*rs.Spec.Replicas), pods, r.related(rs, pods))
	if plan.Create > 0 {
		err := slowStart(min(plan.Create, maxBurst), func() error { return r.create(ctx, rs) })
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return "", nil // No pod will ever be made here again, and this set goes too.
		}
		return "FailedCreate", err
	}
	victims := plan.Delete[:min(len(plan.Delete), maxBurst)]
	errs := make([]error, len(victims))
	var wg sync.WaitGroup
	for i, p := range victims {
		wg.Go(func() { errs[i] = r.delete(ctx, rs, p) })
	}
	wg.Wait()
	return "FailedDelete", errors.Join(errs...)
}

func (r *reconciler) create(ctx context.Context, rs *appsv1.ReplicaSet) error {
	pod := podstate.FromTemplate(&rs.Spec.Template, rs.Namespace, rs, metav1.NewControllerRef(rs, kind))
	var created *corev1.Pod
	err := r.expect.Create(controller.KeyOf(rs), func() (uid types.UID, err error) {
		if created, err = r.podKind.Create(ctx, pod); err == nil {
			uid = created.UID
		}
		return uid, err
	})
	if err != nil {
		if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			r.recorder.Eventf(rs, corev1.EventTypeWarning, "FailedCreate", "Error creating: %v", err)
		}
		return err
	}
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
func (r *reconciler) writeStatus(ctx context.Context, rs *appsv1.ReplicaSet, pods []*corev1.Pod, failure *Failure) (time.Duration, error) {
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
// as all calls of a round succeed. It returns an error of the round that did not:
// the others of it are mostly the same again.
func slowStart(n int, f func() error) error {
	for round := 1; n > 0; round *= 2 {
		round = min(round, n)
		errs := make([]error, round)
		var wg sync.WaitGroup
		for i := range round {
			wg.Go(func() { errs[i] = f() })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		n -= round
	}
	return nil
}

package resourcequota

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api/quota"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

const (
	// recount is how often a quota is counted without a reason.
	recount = 5 * time.Minute
	// lookAgain is when one is that names a kind which nobody serves yet.
	lookAgain = 30 * time.Second
)

// A Controller keeps the status of quotas. Its keys are quotas.
type Controller struct {
	controller *controller.Controller
	follower   *follower
	quotas     *client.Informer[*corev1.ResourceQuota]
	write      *client.Kind[*corev1.ResourceQuota]
	counter    counter
}

// New returns the controller.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *Controller {
	q := &Controller{
		quotas:  client.Shared[*corev1.ResourceQuota](informers),
		write:   client.For[*corev1.ResourceQuota](c),
		counter: newCounter(c),
	}
	q.follower = newFollower(c, q.enqueue)
	q.controller = controller.New("resourcequota", q, opts)
	q.controller.WaitFor(q.quotas.Synced())
	q.quotas.OnChange(func(old, new *corev1.ResourceQuota) {
		if new != nil && (old == nil || !equality.Semantic.DeepEqual(old.Spec, new.Spec) || !equality.Semantic.DeepEqual(new.Spec.Hard, new.Status.Hard)) {
			q.controller.Enqueue(controller.KeyOf(new))
		}
	})
	whenLess(informers, q.enqueue, lessPod)
	whenLess(informers, q.enqueue, lessService)
	whenLess(informers, q.enqueue, lessClaim)
	return q
}

// Name returns the controller's name.
func (q *Controller) Name() string { return q.controller.Name() }

// Run counts until the context ends.
func (q *Controller) Run(ctx context.Context) error {
	var following sync.WaitGroup
	following.Go(func() { q.follower.run(ctx) })
	err := q.controller.Run(ctx)
	following.Wait()
	return err
}

// enqueue asks for the quotas of a namespace.
func (q *Controller) enqueue(namespace string) {
	for _, each := range q.quotas.List(namespace, nil) {
		q.controller.Enqueue(controller.KeyOf(each))
	}
}

// Reconcile implements controller.Reconciler.
func (q *Controller) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	live, err := q.write.Get(ctx, key.Namespace, key.Name)
	if apierrors.IsNotFound(err) || err == nil && live.DeletionTimestamp != nil {
		return controller.Result{}, nil
	}
	if err != nil {
		return controller.Result{}, err
	}
	used, err := q.count(ctx, live)
	if err != nil {
		return controller.Result{}, err
	}
	again := controller.Result{RequeueAfter: recount}
	if len(used) < len(live.Spec.Hard) {
		again.RequeueAfter = lookAgain
	}
	if quota.Equal(live.Spec.Hard, live.Status.Hard) && live.Status.Used != nil && quota.Equal(used, live.Status.Used) {
		return again, nil
	}
	live.Status = corev1.ResourceQuotaStatus{Hard: live.Spec.Hard.DeepCopy(), Used: used}
	_, err = q.write.UpdateStatus(ctx, live)
	if apierrors.IsNotFound(err) {
		return controller.Result{}, nil
	}
	return again, err // a conflict: somebody was charged meanwhile
}

// count adds up what there is of all that a quota names, and sees to it that the
// kinds are followed.
func (q *Controller) count(ctx context.Context, live *corev1.ResourceQuota) (corev1.ResourceList, error) {
	names := quota.Names(live.Spec.Hard)
	used := corev1.ResourceList{}
	for _, kind := range quota.Kinds(names) {
		meter := quota.For(kind)
		if !meter.Detailed {
			resource, err := q.follower.resource(ctx, kind)
			if err != nil {
				return nil, err
			}
			if resource == nil {
				continue // nobody serves it: not known how much there is
			}
			if err := q.follower.follow(ctx, resource); err != nil {
				return nil, err
			}
		}
		sum, err := q.counter.sum(ctx, live, meter, q.follower)
		if err != nil {
			return nil, err
		}
		used = quota.Add(used, quota.Mask(sum, names))
	}
	return used, nil
}

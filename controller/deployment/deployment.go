package deployment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// Name is the controller's name.
const Name = "deployment"

var kind = appsv1.SchemeGroupVersion.WithKind("Deployment")

type reconciler struct {
	deployments *client.Informer[*appsv1.Deployment]
	sets        *client.Informer[*appsv1.ReplicaSet]
	pods        *client.Informer[*corev1.Pod]
	depKind     *client.Kind[*appsv1.Deployment]
	setKind     *client.Kind[*appsv1.ReplicaSet]
	recorder    *client.Recorder
}

// New returns the controller.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	r := &reconciler{
		deployments: client.Shared[*appsv1.Deployment](informers),
		sets:        client.Shared[*appsv1.ReplicaSet](informers),
		pods:        client.Shared[*corev1.Pod](informers),
		depKind:     client.For[*appsv1.Deployment](c),
		setKind:     client.For[*appsv1.ReplicaSet](c),
		recorder:    opts.Recorder,
	}
	controller.IndexOwned(r.sets)
	controller.IndexOwned(r.pods)
	ctl := controller.New(Name, r, opts)
	controller.Watch(ctl, r.deployments, controller.Self)
	controller.Watch(ctl, r.sets, r.ofSet)
	// Only to recreate does a Deployment wait for pods to be gone.
	r.pods.OnChange(func(old, pod *corev1.Pod) {
		if pod == nil {
			for _, key := range r.ofPod(old) {
				ctl.Enqueue(key)
			}
		}
	})
	ctl.WaitFor(r.pods.Synced())
	return ctl
}

// ofSet are the Deployments that a set's change concerns: the one that controls
// it, or, of a set on its own, those that may want to adopt it.
func (r *reconciler) ofSet(rs *appsv1.ReplicaSet) []controller.Key {
	if metav1.GetControllerOfNoCopy(rs) != nil {
		return controller.Owner[*appsv1.ReplicaSet](kind.Kind)(rs)
	}
	var keys []controller.Key
	for _, d := range r.deployments.List(rs.Namespace, nil) {
		selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
		if err == nil && !selector.Empty() && selector.Matches(labels.Set(rs.Labels)) {
			keys = append(keys, controller.KeyOf(d))
		}
	}
	return keys
}

// ofPod is the Deployment of a pod, through the pod's ReplicaSet.
func (r *reconciler) ofPod(pod *corev1.Pod) []controller.Key {
	ref := metav1.GetControllerOfNoCopy(pod)
	if ref == nil || ref.Kind != "ReplicaSet" {
		return nil
	}
	rs, ok := r.sets.Get(pod.Namespace, ref.Name)
	if !ok {
		return nil
	}
	return controller.Owner[*appsv1.ReplicaSet](kind.Kind)(rs)
}

// Reconcile implements controller.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	d, ok := r.deployments.Get(key.Namespace, key.Name)
	if !ok {
		return controller.Result{}, nil
	}
	sets, err := r.claim(ctx, d)
	if err != nil {
		return controller.Result{}, err
	}
	if d.DeletionTimestamp == nil {
		d, sets, err = r.carryOut(ctx, d, byAge(sets), MakePlan(d, sets, r.podsOf(sets)))
		if err != nil {
			return controller.Result{}, err
		}
	}
	status, soon := StatusOf(d, sets, time.Now())
	return controller.Result{RequeueAfter: soon}, r.writeStatus(ctx, d, status)
}

// claim returns the Deployment's sets, adopting and releasing as needed.
func (r *reconciler) claim(ctx context.Context, d *appsv1.Deployment) ([]*appsv1.ReplicaSet, error) {
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("selector of %s: %w", d.Name, err)
	}
	claim := controller.Claim[*appsv1.ReplicaSet]{
		Kind: r.setKind, Owner: d, OwnerGVK: kind, Selector: selector,
		Live: func(ctx context.Context) (api.Object, error) { return r.depKind.Get(ctx, d.Namespace, d.Name) },
	}
	return claim.Of(ctx, controller.Candidates(r.sets, d))
}

func (r *reconciler) podsOf(sets []*appsv1.ReplicaSet) (pods []*corev1.Pod) {
	for _, rs := range sets {
		pods = append(pods, controller.OwnedBy(r.pods, rs.UID)...)
	}
	return pods
}

// carryOut does what the plan says and returns the Deployment and its sets as
// they are then. It goes from the oldest set to the newest and stops at the
// first that cannot be written: the plan for the younger ones may rest on an
// outdated view of the older.
func (r *reconciler) carryOut(ctx context.Context, d *appsv1.Deployment, sets []*appsv1.ReplicaSet, plan Plan) (*appsv1.Deployment, []*appsv1.ReplicaSet, error) {
	if plan.CreateNew {
		created, err := r.createNew(ctx, d, plan)
		if err != nil {
			return d, sets, err
		}
		sets = append(sets, created)
		plan.Replicas[created.Name] = int(*created.Spec.Replicas)
	}
	newSet := FindNew(d, sets)
	out := make([]*appsv1.ReplicaSet, len(sets))
	for i, rs := range sets {
		revision := int64(0)
		if rs == newSet {
			revision = plan.Revision
		}
		scaled, err := r.scale(ctx, d, rs, plan.Replicas[rs.Name], revision)
		if err != nil {
			return d, sets, err
		}
		out[i] = scaled
	}
	for _, rs := range plan.Forget {
		err := r.setKind.Delete(ctx, rs.Namespace, rs.Name, client.Precondition(rs.UID, ""))
		if err != nil && !apierrors.IsNotFound(err) {
			return d, out, err
		}
	}
	if newSet != nil {
		var err error
		if d, err = r.writeRevision(ctx, d, plan.Revision); err != nil {
			return d, out, err
		}
	}
	return d, out, nil
}

// createNew makes the set for the template, with as many replicas as the
// bounds allow at once.
func (r *reconciler) createNew(ctx context.Context, d *appsv1.Deployment, plan Plan) (*appsv1.ReplicaSet, error) {
	// The cache may not show yet that the Deployment is gone, while the garbage
	// collector has taken its sets already: another would be made in vain.
	live, err := r.depKind.Get(ctx, d.Namespace, d.Name)
	switch {
	case apierrors.IsNotFound(err), err == nil && (live.UID != d.UID || live.DeletionTimestamp != nil):
		return nil, controller.ErrRetry
	case err != nil:
		return nil, err
	}
	rs := NewSet(d)
	wanted, surge := int(*d.Spec.Replicas), BoundsOf(d).Surge
	replicas := int32(plan.First)
	rs.Spec.Replicas = &replicas
	annotate(rs, plan.Revision, wanted, wanted+surge)
	created, err := r.setKind.Create(ctx, rs)
	switch {
	case apierrors.IsAlreadyExists(err):
		return nil, r.collision(ctx, d, rs)
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return nil, fmt.Errorf("%w: %w", controller.ErrRetry, err) // This Deployment goes too.
	case err != nil:
		return nil, errors.Join(err, r.writeStatus(ctx, d, refusedStatus(d, rs.Name, err, time.Now())))
	}
	if replicas > 0 {
		r.recorder.Eventf(d, corev1.EventTypeNormal, "ScalingReplicaSet", "Scaled up replica set %s from 0 to %d", rs.Name, replicas)
	}
	return created, nil
}

// collision handles a name that is taken: by our own set that the cache does
// not show yet, or by one of another template with the same hash.
func (r *reconciler) collision(ctx context.Context, d *appsv1.Deployment, rs *appsv1.ReplicaSet) error {
	taken, err := r.setKind.Get(ctx, rs.Namespace, rs.Name)
	if err != nil {
		return err
	}
	if ref := metav1.GetControllerOf(taken); ref != nil && ref.UID == d.UID && sameTemplate(&taken.Spec.Template, &d.Spec.Template) {
		return controller.ErrRetry
	}
	_, err = r.depKind.ModifyStatus(ctx, d.Namespace, d.Name, func(d *appsv1.Deployment) error {
		count := int32(1)
		if d.Status.CollisionCount != nil {
			count = *d.Status.CollisionCount + 1
		}
		d.Status.CollisionCount = &count
		return nil
	})
	return errors.Join(err, controller.ErrRetry)
}

// scale writes a set's number of replicas and its annotations, if they differ.
func (r *reconciler) scale(ctx context.Context, d *appsv1.Deployment, rs *appsv1.ReplicaSet, replicas int, revision int64) (*appsv1.ReplicaSet, error) {
	update := rs.DeepCopy()
	before := int(*rs.Spec.Replicas)
	n := int32(replicas)
	update.Spec.Replicas = &n
	wanted := int(*d.Spec.Replicas)
	changed := before != replicas
	if changed || revision > 0 || (replicas > 0 && rs.Annotations[desiredAnnotation] != strconv.Itoa(wanted)) {
		changed = annotate(update, revision, wanted, wanted+BoundsOf(d).Surge) || changed
	}
	if revision > 0 { // the set of the current template follows the Deployment in the rest too
		changed = inherit(update, d) || changed
		changed = changed || rs.Spec.MinReadySeconds != d.Spec.MinReadySeconds
		update.Spec.MinReadySeconds = d.Spec.MinReadySeconds
	}
	if !changed {
		return rs, nil
	}
	stored, err := r.setKind.Update(ctx, update)
	if err != nil {
		return nil, err
	}
	if before != replicas {
		direction := "up"
		if replicas < before {
			direction = "down"
		}
		r.recorder.Eventf(d, corev1.EventTypeNormal, "ScalingReplicaSet", "Scaled %s replica set %s from %d to %d", direction, rs.Name, before, replicas)
	}
	return stored, nil
}

// writeRevision keeps the Deployment's own annotation at its newest revision, and
// returns the Deployment as it is then.
func (r *reconciler) writeRevision(ctx context.Context, d *appsv1.Deployment, revision int64) (*appsv1.Deployment, error) {
	if revision == 0 || revisionOf(d) == revision {
		return d, nil
	}
	update := d.DeepCopy()
	if update.Annotations == nil {
		update.Annotations = map[string]string{}
	}
	update.Annotations[revisionAnnotation] = strconv.FormatInt(revision, 10)
	stored, err := r.depKind.Update(ctx, update)
	if err != nil {
		return d, err
	}
	return stored, nil
}

func (r *reconciler) writeStatus(ctx context.Context, d *appsv1.Deployment, status appsv1.DeploymentStatus) error {
	if equality.Semantic.DeepEqual(status, d.Status) {
		return nil
	}
	update := d.DeepCopy()
	update.Status = status
	_, err := r.depKind.UpdateStatus(ctx, update)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

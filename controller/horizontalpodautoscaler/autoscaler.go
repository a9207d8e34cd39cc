package horizontalpodautoscaler

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// Name is the controller's name.
const Name = "horizontal-pod-autoscaler"

// DefaultInterval is how often each autoscaler decides unless told otherwise.
const DefaultInterval = 15 * time.Second

type reconciler struct {
	client      *client.Client
	interval    time.Duration
	autoscalers *client.Informer[*autoscalingv2.HorizontalPodAutoscaler]
	pods        *client.Informer[*corev1.Pod]
	kind        *client.Kind[*autoscalingv2.HorizontalPodAutoscaler]
	recorder    *client.Recorder

	mu        sync.Mutex // guards the field below
	histories map[controller.Key]*History
}

// New returns the controller, in which every autoscaler decides once in an
// interval; zero means DefaultInterval.
func New(c *client.Client, informers *client.Informers, interval time.Duration, opts controller.Options) *controller.Controller {
	if interval == 0 {
		interval = DefaultInterval
	}
	r := &reconciler{
		client: c, interval: interval,
		autoscalers: client.Shared[*autoscalingv2.HorizontalPodAutoscaler](informers),
		pods:        client.Shared[*corev1.Pod](informers),
		kind:        client.For[*autoscalingv2.HorizontalPodAutoscaler](c),
		recorder:    opts.Recorder,
		histories:   map[controller.Key]*History{},
	}
	ctl := controller.New(Name, r, opts)
	// Its own status must not make it decide again at once.
	r.autoscalers.OnChange(func(old, hpa *autoscalingv2.HorizontalPodAutoscaler) {
		if hpa == nil {
			ctl.Enqueue(controller.KeyOf(old))
		} else if old == nil || old.Generation != hpa.Generation {
			ctl.Enqueue(controller.KeyOf(hpa))
		}
	})
	ctl.WaitFor(r.autoscalers.Synced())
	ctl.WaitFor(r.pods.Synced())
	return ctl
}

// Reconcile implements controller.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	hpa, ok := r.autoscalers.Get(key.Namespace, key.Name)
	if !ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.histories, key)
		return controller.Result{}, nil
	}
	if hpa.DeletionTimestamp != nil {
		return controller.Result{}, nil
	}
	return controller.Result{RequeueAfter: r.interval}, r.decide(ctx, hpa.DeepCopy(), r.history(key))
}

func (r *reconciler) history(key controller.Key) *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.histories[key] == nil {
		r.histories[key] = &History{}
	}
	return r.histories[key]
}

// decide takes one decision. What stands in its way becomes a condition of the
// autoscaler, for people, and is no error to be tried again before its time.
func (r *reconciler) decide(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, h *History) error {
	now := time.Now()
	scale, err := r.scale(ctx, hpa, http.MethodGet, nil)
	if err != nil {
		setCondition(hpa, autoscalingv2.AbleToScale, false, "FailedGetScale", "the HPA controller was unable to get the target's current scale: "+err.Error())
		r.recorder.Eventf(hpa, corev1.EventTypeWarning, "FailedGetScale", "%v", err)
		return r.writeStatus(ctx, hpa)
	}
	setCondition(hpa, autoscalingv2.AbleToScale, true, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
	present := scale.Spec.Replicas
	h.Begin(present, now)
	wanted, why := r.wanted(ctx, hpa, scale, h, now)
	hpa.Status.CurrentReplicas, hpa.Status.DesiredReplicas = scale.Status.Replicas, wanted
	if wanted != present {
		if err := r.rescale(ctx, hpa, h, scale, wanted, why, now); err != nil {
			return err
		}
	}
	return r.writeStatus(ctx, hpa)
}

// wanted is how many replicas there are to be, and why, in words for people.
func (r *reconciler) wanted(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, scale *autoscalingv1.Scale, h *History, now time.Time) (int32, string) {
	present, bounds := scale.Spec.Replicas, Bounds{minReplicas(hpa), hpa.Spec.MaxReplicas}
	switch {
	case present == 0 && bounds.Min > 0:
		setCondition(hpa, autoscalingv2.ScalingActive, false, "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
		return 0, ""
	case present > bounds.Max:
		return bounds.Max, "Current number of replicas above Spec.MaxReplicas"
	case present < bounds.Min:
		return bounds.Min, "Current number of replicas below Spec.MinReplicas"
	}
	proposed, why, ok := r.propose(ctx, hpa, scale, now)
	if !ok {
		return present, ""
	}
	decision := Decide(h, present, proposed, bounds, behavior(hpa), now)
	note(hpa, autoscalingv2.AbleToScale, decision.Able)
	note(hpa, autoscalingv2.ScalingLimited, decision.Limited)
	return decision.Replicas, why
}

// propose asks all metrics; the one that argues for most pods wins. With a
// metric that says nothing, no fewer pods are proposed than there are.
func (r *reconciler) propose(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, scale *autoscalingv1.Scale, now time.Time) (replicas int32, why string, ok bool) {
	present := scale.Spec.Replicas
	selector, err := labels.Parse(scale.Status.Selector)
	if err != nil || selector.Empty() {
		r.inactive(hpa, "InvalidSelector", "the target's scale has no usable pod selector")
		return 0, "", false
	}
	pods := r.pods.List(hpa.Namespace, selector)
	var failed error
	var statuses []autoscalingv2.MetricStatus
	why = "All metrics below target"
	for i := range hpa.Spec.Metrics {
		target, reading, err := r.read(ctx, hpa, &hpa.Spec.Metrics[i], scale, pods, now)
		if err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		replicas = max(replicas, reading.Replicas)
		if reading.Replicas > present && reading.Replicas == replicas {
			why = fmt.Sprintf("%s resource utilization above target", target.Resource)
		}
		statuses = append(statuses, statusOf(&hpa.Spec.Metrics[i], target, reading))
	}
	hpa.Status.CurrentMetrics = statuses
	if failed != nil && (len(statuses) == 0 || replicas < present) {
		r.inactive(hpa, "FailedGetResourceMetric", "the HPA was unable to compute the replica count: "+failed.Error())
		return 0, "", false
	}
	setCondition(hpa, autoscalingv2.ScalingActive, true, "ValidMetricFound", "the HPA was able to successfully calculate a replica count")
	return replicas, why, true
}

// inactive says that the autoscaler cannot work.
func (r *reconciler) inactive(hpa *autoscalingv2.HorizontalPodAutoscaler, reason, message string) {
	setCondition(hpa, autoscalingv2.ScalingActive, false, reason, message)
	r.recorder.Eventf(hpa, corev1.EventTypeWarning, reason, "%s", message)
}

// read asks one metric.
func (r *reconciler) read(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, m *autoscalingv2.MetricSpec, scale *autoscalingv1.Scale, pods []*corev1.Pod, now time.Time) (Target, Reading, error) {
	target, err := targetOf(m)
	if err != nil {
		return target, Reading{}, err
	}
	usage, err := usageOf(ctx, r.client, hpa.Namespace, scale.Status.Selector, target)
	if err != nil {
		return target, Reading{}, err
	}
	reading, err := Propose(scale.Spec.Replicas, pods, usage, target, tolerances(hpa), now)
	return target, reading, err
}

// rescale changes the target's number of replicas. Only a conflict is an error:
// somebody else wrote the target, and the decision is to be taken anew.
func (r *reconciler) rescale(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, h *History, scale *autoscalingv1.Scale, wanted int32, why string, now time.Time) error {
	present := scale.Spec.Replicas
	scale.Spec.Replicas = wanted
	_, err := r.scale(ctx, hpa, http.MethodPut, scale)
	switch {
	case apierrors.IsConflict(err):
		return err
	case err != nil:
		setCondition(hpa, autoscalingv2.AbleToScale, false, "FailedUpdateScale", "the HPA controller was unable to update the target scale: "+err.Error())
		r.recorder.Eventf(hpa, corev1.EventTypeWarning, "FailedRescale", "New size: %d; reason: %s; error: %v", wanted, why, err)
		return nil
	}
	h.Changed(present, wanted, now)
	setCondition(hpa, autoscalingv2.AbleToScale, true, "SucceededRescale", fmt.Sprintf("the HPA controller was able to update the target scale to %d", wanted))
	r.recorder.Eventf(hpa, corev1.EventTypeNormal, "SuccessfulRescale", "New size: %d; reason: %s", wanted, why)
	at := metav1.NewTime(now)
	hpa.Status.LastScaleTime = &at
	return nil
}

// scale reads or writes the scale subresource of the autoscaler's target.
func (r *reconciler) scale(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, method string, body *autoscalingv1.Scale) (*autoscalingv1.Scale, error) {
	ref := hpa.Spec.ScaleTargetRef
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return nil, err
	}
	res := kinds.Registry().ForKind(gv.WithKind(ref.Kind))
	if res == nil || res.Scale == nil {
		return nil, fmt.Errorf("%s %s cannot be scaled", ref.APIVersion, ref.Kind)
	}
	root := "/apis/" + gv.String()
	if gv.Group == "" {
		root = "/api/" + gv.Version
	}
	path := strings.Join([]string{root, "namespaces", hpa.Namespace, res.Plural, ref.Name, "scale"}, "/")
	var in any
	if body != nil {
		in = body
	}
	out := &autoscalingv1.Scale{}
	return out, r.client.Do(ctx, method, path, nil, in, out)
}

func (r *reconciler) writeStatus(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler) error {
	status := hpa.Status
	generation := hpa.Generation
	_, err := r.kind.ModifyStatus(ctx, hpa.Namespace, hpa.Name, func(live *autoscalingv2.HorizontalPodAutoscaler) error {
		live.Status = status
		live.Status.ObservedGeneration = &generation
		return nil
	})
	return err
}

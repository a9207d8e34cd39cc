package horizontalpodautoscaler

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
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
		return r.writeStatus(ctx, hpa)
	}
	setCondition(hpa, autoscalingv2.AbleToScale, true, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
	present := scale.Spec.Replicas
	wanted, limited := present, false
	switch least := minReplicas(hpa); {
	case present == 0:
		setCondition(hpa, autoscalingv2.ScalingActive, false, "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
	case present > hpa.Spec.MaxReplicas:
		wanted = hpa.Spec.MaxReplicas
	case present < least:
		wanted = least
	default:
		proposed, ok := r.propose(ctx, hpa, scale, now)
		if !ok {
			break
		}
		calm := h.Stabilize(present, proposed, behavior(hpa), now)
		wanted = h.Limit(present, calm, behavior(hpa), now)
		bounded := min(max(wanted, least), hpa.Spec.MaxReplicas)
		wanted, limited = bounded, bounded != proposed
	}
	setLimited(hpa, limited, wanted)
	hpa.Status.CurrentReplicas, hpa.Status.DesiredReplicas = scale.Status.Replicas, wanted
	if wanted != present {
		r.rescale(ctx, hpa, h, scale, wanted, now)
	}
	return r.writeStatus(ctx, hpa)
}

// propose asks all metrics; the one that argues for most pods wins. With a
// metric that says nothing, no fewer pods are proposed than there are.
func (r *reconciler) propose(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, scale *autoscalingv1.Scale, now time.Time) (int32, bool) {
	present := scale.Spec.Replicas
	selector, err := labels.Parse(scale.Status.Selector)
	if err != nil || selector.Empty() {
		setCondition(hpa, autoscalingv2.ScalingActive, false, "InvalidSelector", "the target's scale has no usable pod selector")
		return 0, false
	}
	pods := r.pods.List(hpa.Namespace, selector)
	var best int32
	var failed error
	var statuses []autoscalingv2.MetricStatus
	for i := range hpa.Spec.Metrics {
		p, err := r.metric(ctx, &hpa.Spec.Metrics[i], hpa.Namespace, scale.Status.Selector, present, pods, now)
		if err != nil {
			failed = err
			continue
		}
		best = max(best, p.Replicas)
		statuses = append(statuses, p.Status)
	}
	hpa.Status.CurrentMetrics = statuses
	if failed != nil && best <= present {
		setCondition(hpa, autoscalingv2.ScalingActive, false, "FailedGetResourceMetric", "the HPA was unable to compute the replica count: "+failed.Error())
		return 0, false
	}
	setCondition(hpa, autoscalingv2.ScalingActive, true, "ValidMetricFound", "the HPA was able to successfully calculate a replica count")
	return best, true
}

// metric asks one metric.
func (r *reconciler) metric(ctx context.Context, m *autoscalingv2.MetricSpec, namespace, selector string, present int32, pods []*corev1.Pod, now time.Time) (Proposal, error) {
	if why := unsupported(m); why != "" {
		return Proposal{}, fmt.Errorf("%s", why)
	}
	name, container, target := corev1.ResourceName(""), "", autoscalingv2.MetricTarget{}
	if m.Resource != nil {
		name, target = m.Resource.Name, m.Resource.Target
	} else {
		name, container, target = m.ContainerResource.Name, m.ContainerResource.Container, m.ContainerResource.Target
	}
	usage, err := usageOf(ctx, r.client, namespace, selector, name, container)
	if err != nil {
		return Proposal{}, err
	}
	percent := target.AverageUtilization != nil
	value := int64(0)
	if percent {
		value = int64(*target.AverageUtilization)
	} else if target.AverageValue != nil {
		value = target.AverageValue.MilliValue()
	}
	if value <= 0 {
		return Proposal{}, fmt.Errorf("the target of metric %s is neither an average utilization nor an average value", name)
	}
	replicas, current, err := Propose(present, pods, usage, requestOf(name, container), value, percent, now)
	if err != nil {
		return Proposal{}, err
	}
	return Proposal{Replicas: replicas, Status: statusOf(m, name, container, current, percent)}, nil
}

func statusOf(m *autoscalingv2.MetricSpec, name corev1.ResourceName, container string, value int64, percent bool) autoscalingv2.MetricStatus {
	var current autoscalingv2.MetricValueStatus
	if percent {
		share := int32(value)
		current.AverageUtilization = &share
	} else {
		current.AverageValue = resource.NewMilliQuantity(value, resource.DecimalSI)
	}
	status := autoscalingv2.MetricStatus{Type: m.Type}
	if m.Resource != nil {
		status.Resource = &autoscalingv2.ResourceMetricStatus{Name: name, Current: current}
	} else {
		status.ContainerResource = &autoscalingv2.ContainerResourceMetricStatus{Name: name, Container: container, Current: current}
	}
	return status
}

// rescale changes the target's number of replicas.
func (r *reconciler) rescale(ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, h *History, scale *autoscalingv1.Scale, wanted int32, now time.Time) {
	present := scale.Spec.Replicas
	scale.Spec.Replicas = wanted
	if _, err := r.scale(ctx, hpa, http.MethodPut, scale); err != nil {
		setCondition(hpa, autoscalingv2.AbleToScale, false, "FailedUpdateScale", "the HPA controller was unable to update the target scale: "+err.Error())
		r.recorder.Eventf(hpa, corev1.EventTypeWarning, "FailedRescale", "New size: %d; error: %v", wanted, err)
		return
	}
	h.Changed(present, wanted, now)
	setCondition(hpa, autoscalingv2.AbleToScale, true, "SucceededRescale", fmt.Sprintf("the HPA controller was able to update the target scale to %d", wanted))
	r.recorder.Eventf(hpa, corev1.EventTypeNormal, "SuccessfulRescale", "New size: %d; reason: resource utilization", wanted)
	at := metav1.NewTime(now)
	hpa.Status.LastScaleTime = &at
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

package horizontalpodautoscaler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	hpa "github.com/coracle-k8s/coracle/controller/horizontalpodautoscaler"
)

var (
	noon     = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	half     = hpa.Target{Resource: corev1.ResourceCPU, Percent: true, Value: 50}
	standard = hpa.Tolerances{Down: 0.1, Up: 0.1}
)

// fleet makes n pods that request a processor each and have been ready for an hour.
func fleet(n int, change ...func(i int, p *corev1.Pod)) (pods []*corev1.Pod) {
	past := metav1.NewTime(noon.Add(-time.Hour))
	for i := range n {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("pod-", i)},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("100")},
			}}}},
			Status: corev1.PodStatus{
				Phase: corev1.PodRunning, StartTime: &past,
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: past}},
			},
		}
		for _, c := range change {
			c(i, p)
		}
		pods = append(pods, p)
	}
	return pods
}

// using is a sample for each pod, -1 for none.
func using(millis ...int64) hpa.Usage {
	u := hpa.Usage{}
	for i, m := range millis {
		if m >= 0 {
			u[fmt.Sprint("pod-", i)] = hpa.Sample{Value: m, At: noon, Window: 10 * time.Second}
		}
	}
	return u
}

func ExamplePropose() {
	// Two pods use 90 % of a processor each, and half of one is the aim.
	r, err := hpa.Propose(2, fleet(2), using(900, 900), half, standard, noon)
	fmt.Println(r.Replicas, r.Percent, err)

	// Output:
	// 4 90 <nil>
}

func TestPropose(t *testing.T) {
	from := func(first int, change func(p *corev1.Pod)) func(int, *corev1.Pod) {
		return func(i int, p *corev1.Pod) {
			if i >= first {
				change(p)
			}
		}
	}
	pending := func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }
	starting := func(p *corev1.Pod) {
		at := metav1.NewTime(noon.Add(-time.Minute))
		p.Status.StartTime, p.Status.Conditions[0].Status = &at, corev1.ConditionFalse
	}
	justReady := func(p *corev1.Pod) {
		at := metav1.NewTime(noon.Add(-time.Minute))
		p.Status.StartTime, p.Status.Conditions[0].LastTransitionTime = &at, metav1.NewTime(noon.Add(-5*time.Second))
	}
	broken := func(p *corev1.Pod) { // unready, but it has been ready
		p.Status.Conditions[0].Status, p.Status.Conditions[0].LastTransitionTime = corev1.ConditionFalse, metav1.NewTime(noon)
	}
	deleting := func(p *corev1.Pod) { now := metav1.NewTime(noon); p.DeletionTimestamp = &now }
	memory := hpa.Target{Resource: corev1.ResourceMemory, Percent: true, Value: 50}
	average := hpa.Target{Resource: corev1.ResourceCPU, Value: 500}

	for _, c := range []struct {
		name   string
		pods   []*corev1.Pod
		usage  hpa.Usage
		target hpa.Target
		want   int32
	}{
		{"up", fleet(3), using(1000, 1000, 1000), half, 6},
		{"down", fleet(4), using(100, 100, 100, 100), half, 1},
		{"rounded up", fleet(3), using(600, 600, 600), half, 4},
		{"near enough above", fleet(10), using(550, 550, 550, 550, 550, 550, 550, 550, 550, 550), half, 10},
		{"near enough below", fleet(2), using(450, 450), half, 2},
		{"an average value", fleet(2), using(1000, 1000), average, 4},
		{"silent pods use nothing when others want more", fleet(4, nil2), using(800, 800, 800, -1), half, 5},
		{"which may be enough", fleet(4, nil2), using(600, 600, 600, -1), half, 4},
		{"silent pods use all when others want fewer", fleet(4, nil2), using(100, 100, 100, -1), half, 3},
		{"and turn it round never", fleet(4, nil2), using(300, 300, -1, -1), half, 4},
		{"of an average the silent use the target", fleet(4, nil2), using(100, 100, -1, -1), average, 3},
		{"pending pods damp", fleet(4, from(2, pending)), using(1000, 1000), half, 4},
		{"and do not when it goes down", fleet(4, from(2, pending)), using(100, 100), half, 1},
		{"starting pods damp", fleet(4, from(2, starting)), using(1000, 1000, 5000, 5000), half, 4},
		{"a start is no load", fleet(4, from(2, justReady)), using(1000, 1000, 5000, 5000), half, 4},
		{"but memory is memory", fleet(4, from(2, starting)), using(100000, 100000, 100000, 100000), memory, 8},
		{"what broke later counts", fleet(2, from(1, broken)), using(1000, 1000), half, 4},
		{"what is leaving does not", fleet(3, from(2, deleting)), using(1000, 1000, 9000), half, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := hpa.Propose(int32(len(c.pods)), c.pods, c.usage, c.target, standard, noon)
			require.NoError(t, err)
			require.Equal(t, c.want, got.Replicas)
		})
	}
}

func nil2(int, *corev1.Pod) {}

func TestPropose_SaysWhyItCannot(t *testing.T) {
	_, err := hpa.Propose(1, nil, nil, half, standard, noon)
	require.ErrorIs(t, err, hpa.ErrNoPods)
	_, err = hpa.Propose(1, fleet(1), nil, half, standard, noon)
	require.ErrorIs(t, err, hpa.ErrNoMetrics)
	pods := fleet(1)
	pods[0].Spec.Containers[0].Resources.Requests = nil
	_, err = hpa.Propose(1, pods, using(5), half, standard, noon)
	require.EqualError(t, err, "missing request for cpu in container app of Pod pod-0")
	half := half
	half.Container = "sidecar"
	_, err = hpa.Propose(1, fleet(1), using(5), half, standard, noon)
	require.EqualError(t, err, "container sidecar not present in pod pod-0")
}

// rules are those that an autoscaler has by default, changed.
func rules(change func(up, down *autoscalingv2.HPAScalingRules)) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	now, later := int32(0), int32(300)
	b := &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleUp: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &now, Policies: []autoscalingv2.HPAScalingPolicy{
			{Type: autoscalingv2.PodsScalingPolicy, Value: 4, PeriodSeconds: 15}, {Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15},
		}},
		ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &later, Policies: []autoscalingv2.HPAScalingPolicy{
			{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15},
		}},
	}
	if change != nil {
		change(b.ScaleUp, b.ScaleDown)
	}
	return b
}

// A step is a proposal some seconds after the last one and what is decided.
type step struct {
	after    int
	proposed int32
	want     int32
	able     string
	limited  string
}

func TestDecide(t *testing.T) {
	least, none := autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect
	const calm, in = "ReadyForNewScale", "DesiredWithinRange"
	for _, c := range []struct {
		name     string
		start    int32
		behavior *autoscalingv2.HorizontalPodAutoscalerBehavior
		steps    []step
	}{
		{"up at once, four or twice as many", 1, rules(nil), []step{
			{0, 9, 5, calm, "ScaleUpLimit"}, {15, 9, 9, calm, in}, {15, 30, 18, calm, "ScaleUpLimit"}, {15, 30, 20, calm, "TooManyReplicas"},
		}},
		{"down after five minutes", 10, rules(nil), []step{
			{0, 2, 10, "ScaleDownStabilized", in}, {150, 4, 10, "ScaleDownStabilized", in}, {149, 2, 10, "ScaleDownStabilized", in},
			{1, 2, 4, "ScaleDownStabilized", in}, {150, 1, 2, "ScaleDownStabilized", in}, {300, 1, 2, calm, "TooFewReplicas"},
		}},
		{"slowly down", 10, rules(func(_, down *autoscalingv2.HPAScalingRules) {
			*down.StabilizationWindowSeconds = 0
			down.Policies = []autoscalingv2.HPAScalingPolicy{{Type: autoscalingv2.PodsScalingPolicy, Value: 2, PeriodSeconds: 60}}
		}), []step{{0, 3, 8, calm, "ScaleDownLimit"}, {30, 3, 8, calm, "ScaleDownLimit"}, {30, 3, 6, calm, "ScaleDownLimit"}}},
		{"the slower of two policies", 10, rules(func(up, _ *autoscalingv2.HPAScalingRules) { up.SelectPolicy = &least }), []step{
			{0, 20, 14, calm, "ScaleUpLimit"}, {5, 20, 14, calm, "ScaleUpLimit"}, {10, 20, 18, calm, "ScaleUpLimit"},
		}},
		{"never down", 10, rules(func(_, down *autoscalingv2.HPAScalingRules) {
			*down.StabilizationWindowSeconds, down.SelectPolicy = 0, &none
		}), []step{{0, 3, 10, calm, "ScaleDownLimit"}}},
		{"a peak that passes is waited out", 2, rules(func(up, _ *autoscalingv2.HPAScalingRules) { *up.StabilizationWindowSeconds = 30 }), []step{
			{0, 9, 2, "ScaleUpStabilized", in}, {15, 9, 2, "ScaleUpStabilized", in}, {15, 5, 5, calm, in},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, now, present := &hpa.History{}, noon, c.start
			h.Begin(present, now)
			for i, s := range c.steps {
				now = now.Add(time.Duration(s.after) * time.Second)
				d := hpa.Decide(h, present, s.proposed, hpa.Bounds{Min: 2, Max: 20}, c.behavior, now)
				if d.Replicas != present {
					h.Changed(present, d.Replicas, now)
				}
				present = d.Replicas
				require.Equal(t, s.want, present, "step %d", i)
				require.Equal(t, [2]string{s.able, s.limited}, [2]string{d.Able.Reason, d.Limited.Reason}, "step %d", i)
			}
		})
	}
}

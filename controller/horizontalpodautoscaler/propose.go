package horizontalpodautoscaler

import (
	"errors"
	"fmt"
	"math"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/controller/podstate"
)

const (
	// tolerance is how far from the target, as a share of it, usage may be
	// without a change.
	tolerance = 0.1
	// starting is how long after its start a pod that is not ready yet says
	// nothing about the load.
	starting = 30 * time.Second
)

// errNoMetrics says that no pod has a figure: then nothing can be said.
var errNoMetrics = errors.New("no metrics returned from resource metrics API")

// Usage is what a pod uses of one resource: thousandths of a processor, or
// thousandths of a byte. Pods without a figure are not in it.
type Usage map[string]int64

// A Proposal is a number of replicas with the figures it comes from.
type Proposal struct {
	Replicas int32
	// Status is the metric's present value, for people.
	Status autoscalingv2.MetricStatus
}

// figures are what is known of the pods for one metric.
type figures struct {
	used, requested int64 // of the pods that count
	counted         int
	silent          []*corev1.Pod // ready or not, nothing is known of them
	ignored         []*corev1.Pod // they only just started
	requestOf       func(*corev1.Pod) int64
}

// gather sorts the pods by what is known of them.
func gather(pods []*corev1.Pod, usage Usage, requestOf func(*corev1.Pod) int64, now time.Time) figures {
	f := figures{requestOf: requestOf}
	for _, p := range pods {
		if !podstate.IsActive(p) {
			continue
		}
		value, known := usage[p.Name]
		switch {
		case p.Status.Phase == corev1.PodPending, justStarted(p, now):
			f.ignored = append(f.ignored, p)
		case !known:
			f.silent = append(f.silent, p)
		default:
			f.counted++
			f.used += value
			f.requested += requestOf(p)
		}
	}
	return f
}

func justStarted(p *corev1.Pod, now time.Time) bool {
	if p.Status.StartTime == nil || podstate.Ready(p) {
		return false
	}
	return now.Sub(p.Status.StartTime.Time) < starting
}

// Propose returns how many replicas one metric argues for, of present ones.
// target is a share of the requests in per cent where percent is set, otherwise
// an average for each pod in the unit of usage.
func Propose(present int32, pods []*corev1.Pod, usage Usage, requestOf func(*corev1.Pod) int64, target int64, percent bool, now time.Time) (int32, int64, error) {
	f := gather(pods, usage, requestOf, now)
	if f.counted == 0 {
		return 0, 0, errNoMetrics
	}
	if percent && f.requested == 0 {
		return 0, 0, errors.New("missing request for the resource in the pods")
	}
	ratio, value := f.ratio(target, percent)
	if len(f.silent) == 0 && (len(f.ignored) == 0 || ratio <= 1) {
		if math.Abs(ratio-1) <= tolerance {
			return present, value, nil
		}
		return ceil(ratio * float64(f.counted)), value, nil
	}
	return f.cautious(present, ratio, target, percent), value, nil
}

// ratio is usage over target, and the present value in the target's unit.
func (f figures) ratio(target int64, percent bool) (float64, int64) {
	value := f.used / int64(f.counted)
	if percent {
		value = f.used * 100 / f.requested
		return float64(f.used) * 100 / float64(f.requested) / float64(target), value
	}
	return float64(f.used) / float64(f.counted) / float64(target), value
}

// cautious proposes with pods of which nothing is known: counted so that they
// speak against whatever the others argue for, and no change if that turns it
// round.
func (f figures) cautious(present int32, ratio float64, target int64, percent bool) int32 {
	g := f
	for _, p := range f.silent {
		request := f.requestOf(p)
		g.counted++
		g.requested += request
		if ratio < 1 { // for fewer: they use all of their share
			if percent {
				g.used += request * target / 100
			} else {
				g.used += target
			}
		}
	}
	if ratio > 1 {
		for _, p := range f.ignored {
			g.counted++
			g.requested += f.requestOf(p)
		}
	}
	again, _ := g.ratio(target, percent)
	turned := ratio < 1 && again > 1 || ratio > 1 && again < 1
	if turned || math.Abs(again-1) <= tolerance {
		return present
	}
	wanted := ceil(again * float64(g.counted))
	if ratio < 1 && wanted > present || ratio > 1 && wanted < present {
		return present
	}
	return wanted
}

func ceil(x float64) int32 { return int32(math.Ceil(x - 1e-9)) }

// requestOf returns a function for what a pod requests of a resource, in
// thousandths: all containers', or the one that is named.
func requestOf(name corev1.ResourceName, container string) func(*corev1.Pod) int64 {
	return func(p *corev1.Pod) (sum int64) {
		for i := range p.Spec.Containers {
			c := &p.Spec.Containers[i]
			if container == "" || c.Name == container {
				q := c.Resources.Requests[name]
				sum += q.MilliValue()
			}
		}
		return sum
	}
}

// unsupported says why a metric cannot be used, or "".
func unsupported(m *autoscalingv2.MetricSpec) string {
	switch m.Type {
	case autoscalingv2.ResourceMetricSourceType, autoscalingv2.ContainerResourceMetricSourceType:
		return ""
	}
	return fmt.Sprintf("metrics of type %s are not supported, only Resource and ContainerResource", m.Type)
}

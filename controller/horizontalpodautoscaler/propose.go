package horizontalpodautoscaler

import (
	"errors"
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/controller/podstate"
)

const (
	// tolerance is how far from the target, as a share of it, usage may be
	// without a change, unless the autoscaler says otherwise.
	tolerance = 0.1
	// initialization is how long after its start a pod's use of processors may
	// still be that of starting.
	initialization = 5 * time.Minute
	// firstReady is how long after its start a pod that becomes unready has
	// probably never been ready.
	firstReady = 30 * time.Second
)

// Errors of Propose: nothing can be said.
var (
	ErrNoPods    = errors.New("no pods returned by selector while calculating replica count")
	ErrNoMetrics = errors.New("did not receive metrics for targeted pods (pods might be unready)")
)

// A Sample is what a pod uses of one resource, in thousandths of the resource's
// unit (processors, bytes), as an average over the Window that ended At.
type Sample struct {
	Value  int64
	At     time.Time
	Window time.Duration
}

// Usage is the samples by the pods' names. Pods without a figure are not in it.
type Usage map[string]Sample

// A Target is what one metric aims at.
type Target struct {
	Resource corev1.ResourceName
	// Container is the one container of each pod to look at; "" means all.
	Container string
	// Percent says that Value is a share of what the pods request, in per cent;
	// otherwise it is an average for each pod, in thousandths.
	Percent bool
	Value   int64
}

// Tolerances are how far usage may be from the target without a change, below
// and above it, as shares of it.
type Tolerances struct{ Down, Up float64 }

func (t Tolerances) within(ratio float64) bool { return 1-t.Down <= ratio && ratio <= 1+t.Up }

// A Reading is what one metric says.
type Reading struct {
	// Replicas is how many it argues for.
	Replicas int32
	// Average is what a pod uses, in thousandths, and Percent that as a share of
	// what it requests, where the target is one.
	Average, Percent int64
}

// Propose returns how many replicas one metric argues for, of present ones.
func Propose(present int32, pods []*corev1.Pod, usage Usage, target Target, tol Tolerances, now time.Time) (Reading, error) {
	if len(pods) == 0 {
		return Reading{}, ErrNoPods
	}
	f := figures{target: target}
	if err := f.gather(pods, usage, now); err != nil {
		return Reading{}, err
	}
	if f.counted == 0 {
		return Reading{}, ErrNoMetrics
	}
	ratio, reading := f.read()
	switch {
	case len(f.silent) == 0 && (len(f.starting) == 0 || ratio <= 1):
		reading.Replicas = int32(math.Ceil(ratio * float64(f.counted)))
		if tol.within(ratio) {
			reading.Replicas = present
		}
	default:
		reading.Replicas = f.cautious(present, ratio, tol)
	}
	return reading, nil
}

// figures are what is known of the pods for one metric.
type figures struct {
	target          Target
	used, requested int64 // of the pods that count
	counted         int
	// silent are the requests of the pods of which nothing is known, starting
	// those of the pods of which what is known says nothing yet.
	silent, starting []int64
}

// gather sorts the pods by what is known of them.
func (f *figures) gather(pods []*corev1.Pod, usage Usage, now time.Time) error {
	for _, p := range pods {
		if !podstate.IsActive(p) {
			continue
		}
		request := int64(0)
		if f.target.Percent {
			var err error
			if request, err = requestOf(p, f.target); err != nil {
				return err
			}
		}
		sample, known := usage[p.Name]
		switch {
		case p.Status.Phase == corev1.PodPending:
			f.starting = append(f.starting, request)
		case !known:
			f.silent = append(f.silent, request)
		case f.target.Resource == corev1.ResourceCPU && isStarting(p, sample, now):
			f.starting = append(f.starting, request)
		default:
			f.count(sample.Value, request)
		}
	}
	return nil
}

func (f *figures) count(used, requested int64) {
	f.counted++
	f.used += used
	f.requested += requested
}

// isStarting reports whether a pod's use of processors is that of its start, or
// of a time at which it did not serve.
func isStarting(p *corev1.Pod, sample Sample, now time.Time) bool {
	ready := podstate.Condition(p, corev1.PodReady)
	if ready == nil || p.Status.StartTime == nil {
		return true
	}
	unready := ready.Status == corev1.ConditionFalse
	start, since := p.Status.StartTime.Time, ready.LastTransitionTime.Time
	if start.Add(initialization).After(now) {
		return unready || sample.At.Before(since.Add(sample.Window))
	}
	return unready && start.Add(firstReady).After(since)
}

// read returns usage over target, and the present values.
func (f *figures) read() (ratio float64, r Reading) {
	r.Average = f.used / int64(f.counted)
	if !f.target.Percent {
		return float64(r.Average) / float64(f.target.Value), r
	}
	r.Percent = f.used * 100 / f.requested
	return float64(r.Percent) / float64(f.target.Value), r
}

// cautious proposes with pods of which nothing is known: counted so that they
// speak against whatever the others argue for, and no change if that turns it
// round.
func (f *figures) cautious(present int32, ratio float64, tol Tolerances) int32 {
	g := *f
	for _, request := range f.silent {
		switch {
		case ratio >= 1: // for more: they use nothing
			g.count(0, request)
		case f.target.Percent: // for fewer: they use all they have
			g.count(request*max(100, f.target.Value)/100, request)
		default:
			g.count(f.target.Value, request)
		}
	}
	if ratio > 1 {
		for _, request := range f.starting {
			g.count(0, request)
		}
	}
	again, _ := g.read()
	turned := ratio < 1 && again > 1 || ratio > 1 && again < 1
	if turned || tol.within(again) {
		return present
	}
	wanted := int32(math.Ceil(again * float64(g.counted)))
	if again < 1 && wanted > present || again > 1 && wanted < present {
		return present
	}
	return wanted
}

// requestOf is what a pod requests of the target's resource, in thousandths: all
// containers, or the one that is named.
func requestOf(p *corev1.Pod, target Target) (sum int64, err error) {
	if r := p.Spec.Resources; r != nil && target.Container == "" {
		if q, ok := r.Requests[target.Resource]; ok {
			return q.MilliValue(), nil
		}
	}
	found := false
	for _, c := range append(p.Spec.Containers[:len(p.Spec.Containers):len(p.Spec.Containers)], sidecars(p)...) {
		if target.Container != "" && c.Name != target.Container {
			continue
		}
		q, ok := c.Resources.Requests[target.Resource]
		if !ok || q.IsZero() {
			return 0, fmt.Errorf("missing request for %s in container %s of Pod %s", target.Resource, c.Name, p.Name)
		}
		found = true
		sum += q.MilliValue()
	}
	if !found {
		return 0, fmt.Errorf("container %s not present in pod %s", target.Container, p.Name)
	}
	return sum, nil
}

// sidecars are the init containers that go on beside the others.
func sidecars(p *corev1.Pod) (out []corev1.Container) {
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			out = append(out, c)
		}
	}
	return out
}

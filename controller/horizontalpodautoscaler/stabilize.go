package horizontalpodautoscaler

import (
	"math"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// A moment is a number of replicas at a time: proposed, or changed by.
type moment struct {
	at time.Time
	n  int32
}

// History is what an autoscaler remembers between its decisions: what was
// proposed, and what was done. The zero value remembers nothing. It is not safe
// for concurrent use.
type History struct {
	proposed    []moment
	ups, downs  []moment // by how many replicas, at each change
	hasProposed bool
}

// longest is the longest period that any rule looks back.
const longest = time.Hour

// Begin remembers, the first time, the present number as if it had been
// proposed: who has only just begun to watch does not take pods away at once.
func (h *History) Begin(present int32, now time.Time) {
	if !h.hasProposed {
		h.hasProposed, h.proposed = true, []moment{{now, present}}
	}
}

// Stabilize remembers a proposal and returns what is to be wanted instead of it:
// the most cautious proposal of each direction's window.
func (h *History) Stabilize(present, proposed int32, b *autoscalingv2.HorizontalPodAutoscalerBehavior, now time.Time) int32 {
	up, down := proposed, proposed
	for _, m := range recent(h.proposed, now, window(b.ScaleUp)) {
		up = min(up, m.n)
	}
	for _, m := range recent(h.proposed, now, window(b.ScaleDown)) {
		down = max(down, m.n)
	}
	h.proposed = append(recent(h.proposed, now, longest), moment{now, proposed})
	// up <= down, so this is the present number moved into [up, down].
	return min(max(present, up), down)
}

func window(r *autoscalingv2.HPAScalingRules) time.Duration {
	if r == nil || r.StabilizationWindowSeconds == nil {
		return 0
	}
	return time.Duration(*r.StabilizationWindowSeconds) * time.Second
}

// Changed remembers that the number was changed.
func (h *History) Changed(from, to int32, now time.Time) {
	if to > from {
		h.ups = append(recent(h.ups, now, longest), moment{now, to - from})
	} else {
		h.downs = append(recent(h.downs, now, longest), moment{now, from - to})
	}
}

// Most is how many replicas the rules for scaling up allow now: of several
// policies, the one that allows most counts, or least if the rules say so. It is
// never less than present.
func (h *History) Most(present int32, r *autoscalingv2.HPAScalingRules, now time.Time) int32 {
	return max(present, h.bound(present, r, now, func(start int32, p autoscalingv2.HPAScalingPolicy) int32 {
		if p.Type == autoscalingv2.PodsScalingPolicy {
			return start + p.Value
		}
		return int32(min(math.Ceil(float64(start)*(1+float64(p.Value)/100)), math.MaxInt32))
	}, func(a, b int32) bool { return a > b }))
}

// Least is how few replicas the rules for scaling down allow now. It is never
// more than present.
func (h *History) Least(present int32, r *autoscalingv2.HPAScalingRules, now time.Time) int32 {
	return min(present, h.bound(present, r, now, func(start int32, p autoscalingv2.HPAScalingPolicy) int32 {
		if p.Type == autoscalingv2.PodsScalingPolicy {
			return start - p.Value
		}
		return int32(float64(start) * (1 - float64(p.Value)/100))
	}, func(a, b int32) bool { return a < b }))
}

// bound applies each policy to the number of replicas at the start of the
// policy's period, and chooses among the results. farther orders them by how
// large a change they allow.
func (h *History) bound(present int32, r *autoscalingv2.HPAScalingRules, now time.Time,
	apply func(start int32, p autoscalingv2.HPAScalingPolicy) int32, farther func(a, b int32) bool) int32 {
	choose := autoscalingv2.MaxChangePolicySelect
	if r.SelectPolicy != nil {
		choose = *r.SelectPolicy
	}
	if choose == autoscalingv2.DisabledPolicySelect {
		return present
	}
	best := present
	for i, p := range r.Policies {
		limit := apply(h.startOf(present, p, now), p)
		if i == 0 || farther(limit, best) == (choose == autoscalingv2.MaxChangePolicySelect) {
			best = limit
		}
	}
	return best
}

// startOf is how many replicas there were when a policy's period began.
func (h *History) startOf(present int32, p autoscalingv2.HPAScalingPolicy, now time.Time) int32 {
	period := time.Duration(p.PeriodSeconds) * time.Second
	for _, m := range recent(h.ups, now, period) {
		present -= m.n
	}
	for _, m := range recent(h.downs, now, period) {
		present += m.n
	}
	return present
}

// recent are the moments that are younger than age.
func recent(moments []moment, now time.Time, age time.Duration) []moment {
	for i, m := range moments {
		if now.Sub(m.at) < age {
			return moments[i:]
		}
	}
	return nil
}

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
// proposed, and what was done.
type History struct {
	proposed  []moment
	ups, down []moment // by how many replicas, at each change
}

// longest is the longest period that any rule looks back.
const longest = time.Hour

// Stabilize remembers a proposal and returns what is to be wanted instead of it:
// the most cautious proposal of each direction's window.
func (h *History) Stabilize(present, proposed int32, b *autoscalingv2.HorizontalPodAutoscalerBehavior, now time.Time) int32 {
	h.proposed = append(recent(h.proposed, now, longest), moment{now, proposed})
	up := extreme(h.proposed, now, window(b.ScaleUp), func(a, b int32) int32 { return min(a, b) })
	down := extreme(h.proposed, now, window(b.ScaleDown), func(a, b int32) int32 { return max(a, b) })
	switch {
	case present < up:
		return up
	case present > down:
		return down
	}
	return present
}

func window(r *autoscalingv2.HPAScalingRules) time.Duration {
	if r == nil || r.StabilizationWindowSeconds == nil {
		return 0
	}
	return time.Duration(*r.StabilizationWindowSeconds) * time.Second
}

// extreme is the least or greatest of the moments within the window.
func extreme(moments []moment, now time.Time, window time.Duration, better func(a, b int32) int32) int32 {
	best := moments[len(moments)-1].n
	for _, m := range moments {
		if now.Sub(m.at) <= window {
			best = better(best, m.n)
		}
	}
	return best
}

// Limit bounds a change by the policies: of each direction's, the one that
// allows most counts, or least if the rules say so.
func (h *History) Limit(present, wanted int32, b *autoscalingv2.HorizontalPodAutoscalerBehavior, now time.Time) int32 {
	switch {
	case wanted > present:
		return min(wanted, h.bound(present, b.ScaleUp, now, 1))
	case wanted < present:
		return max(wanted, h.bound(present, b.ScaleDown, now, -1))
	}
	return wanted
}

// bound is the farthest number of replicas that may be gone to; sign is 1 for
// up and -1 for down.
func (h *History) bound(present int32, r *autoscalingv2.HPAScalingRules, now time.Time, sign int32) int32 {
	if r == nil {
		return present + sign*math.MaxInt16
	}
	policy := autoscalingv2.MaxChangePolicySelect
	if r.SelectPolicy != nil {
		policy = *r.SelectPolicy
	}
	if policy == autoscalingv2.DisabledPolicySelect {
		return present
	}
	most, least := present, present+sign*math.MaxInt16
	for _, p := range r.Policies {
		limit := h.policyBound(present, p, now, sign)
		if (limit-most)*sign > 0 {
			most = limit
		}
		if (limit-least)*sign < 0 {
			least = limit
		}
	}
	if policy == autoscalingv2.MinChangePolicySelect {
		return least
	}
	return most
}

// policyBound is where one policy lets the number go: so much from where it
// was when the policy's period began.
func (h *History) policyBound(present int32, p autoscalingv2.HPAScalingPolicy, now time.Time, sign int32) int32 {
	changes := h.ups
	if sign < 0 {
		changes = h.down
	}
	start := present
	for _, m := range recent(changes, now, time.Duration(p.PeriodSeconds)*time.Second) {
		start -= sign * m.n
	}
	switch {
	case p.Type == autoscalingv2.PodsScalingPolicy:
		return start + sign*p.Value
	case sign > 0:
		return int32(math.Ceil(float64(start) * (1 + float64(p.Value)/100)))
	default:
		return int32(float64(start) * (1 - float64(p.Value)/100))
	}
}

// Changed remembers that the number was changed.
func (h *History) Changed(from, to int32, now time.Time) {
	if to > from {
		h.ups = append(recent(h.ups, now, longest), moment{now, to - from})
	} else {
		h.down = append(recent(h.down, now, longest), moment{now, from - to})
	}
}

// recent are the moments that are not older than age.
func recent(moments []moment, now time.Time, age time.Duration) []moment {
	for i, m := range moments {
		if now.Sub(m.at) < age {
			return moments[i:]
		}
	}
	return nil
}

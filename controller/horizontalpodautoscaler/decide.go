package horizontalpodautoscaler

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// A Decision is a number of replicas and why it is that.
type Decision struct {
	Replicas int32
	// Able and Limited are the conditions AbleToScale and ScalingLimited.
	Able, Limited Note
}

// A Note is the state of a condition.
type Note struct {
	True            bool
	Reason, Message string
}

// Bounds are how few and how many replicas an autoscaler may want.
type Bounds struct{ Min, Max int32 }

// Decide turns what the metrics propose into the number of replicas to have: it
// waits out the stabilization windows, keeps to the speed that the policies
// allow, and stays within the bounds, in this order. It remembers the proposal.
func Decide(h *History, present, proposed int32, bounds Bounds, b *autoscalingv2.HorizontalPodAutoscalerBehavior, now time.Time) Decision {
	calm := h.Stabilize(present, proposed, b, now)
	d := Decision{Replicas: calm, Able: stabilized(calm, proposed), Limited: withinRange}
	most, least := h.Most(present, b.ScaleUp, now), h.Least(present, b.ScaleDown, now)
	switch {
	case calm > present && calm > min(most, bounds.Max):
		d.Replicas, d.Limited = bounds.Max, tooMany
		if most < bounds.Max {
			d.Replicas, d.Limited = most, upLimit
		}
	case calm < present && calm < max(least, bounds.Min):
		d.Replicas, d.Limited = bounds.Min, tooFew
		if least > bounds.Min {
			d.Replicas, d.Limited = least, downLimit
		}
	case calm == present && proposed > bounds.Max:
		d.Limited = tooMany
	case calm == present && proposed < bounds.Min:
		d.Limited = tooFew
	}
	return d
}

func stabilized(calm, proposed int32) Note {
	switch {
	case calm > proposed:
		return Note{true, "ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation"}
	case calm < proposed:
		return Note{true, "ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation"}
	}
	return Note{true, "ReadyForNewScale", "recommended size matches current size"}
}

// What ScalingLimited can say.
var (
	withinRange = Note{false, "DesiredWithinRange", "the desired count is within the acceptable range"}
	tooMany     = Note{true, "TooManyReplicas", "the desired replica count is more than the maximum replica count"}
	tooFew      = Note{true, "TooFewReplicas", "the desired replica count is less than the minimum replica count"}
	upLimit     = Note{true, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"}
	downLimit   = Note{true, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"}
)

package nodelifecycle

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A taintID is what makes a taint this taint; its value does not.
type taintID struct {
	key    string
	effect corev1.TaintEffect
}

// managed are the taints that this controller puts on nodes and takes off.
var managed = [...]taintID{
	{corev1.TaintNodeNotReady, corev1.TaintEffectNoSchedule},
	{corev1.TaintNodeNotReady, corev1.TaintEffectNoExecute},
	{corev1.TaintNodeUnreachable, corev1.TaintEffectNoSchedule},
	{corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute},
	{corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule},
	{corev1.TaintNodeDiskPressure, corev1.TaintEffectNoSchedule},
	{corev1.TaintNodePIDPressure, corev1.TaintEffectNoSchedule},
	{corev1.TaintNodeNetworkUnavailable, corev1.TaintEffectNoSchedule},
	{corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule},
}

// wanted returns which of the managed taints a node's conditions call for.
func wanted(node *corev1.Node) []taintID {
	var want []taintID
	switch readiness(node) {
	case corev1.ConditionFalse:
		want = append(want, managed[0], managed[1])
	case corev1.ConditionUnknown:
		want = append(want, managed[2], managed[3])
	}
	for i, kind := range []corev1.NodeConditionType{
		corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure, corev1.NodeNetworkUnavailable,
	} {
		if c := conditionOf(node, kind); c != nil && c.Status == corev1.ConditionTrue {
			want = append(want, managed[4+i])
		}
	}
	if node.Spec.Unschedulable {
		want = append(want, managed[8])
	}
	return want
}

// A change of taints is what must be done to have exactly the wanted ones of
// those that are managed.
type change struct {
	add, remove []taintID
}

// none says that there is nothing to do.
func (c change) none() bool { return len(c.add) == 0 && len(c.remove) == 0 }

// evicting says whether the change adds a taint that evicts pods.
func (c change) evicting() bool {
	return slices.ContainsFunc(c.add, func(id taintID) bool { return id.effect == corev1.TaintEffectNoExecute })
}

// gentle is the change without the taints that evict pods.
func (c change) gentle() change {
	add := slices.DeleteFunc(slices.Clone(c.add), func(id taintID) bool { return id.effect == corev1.TaintEffectNoExecute })
	return change{add: add, remove: c.remove}
}

// compare returns how a node's taints must change.
func compare(have []corev1.Taint, want []taintID) change {
	var c change
	has := func(id taintID) bool {
		return slices.ContainsFunc(have, func(t corev1.Taint) bool { return idOf(t) == id })
	}
	for _, id := range want {
		if !has(id) {
			c.add = append(c.add, id)
		}
	}
	for _, id := range managed {
		if has(id) && !slices.Contains(want, id) {
			c.remove = append(c.remove, id)
		}
	}
	return c
}

// apply returns the taints after a change.
func (c change) apply(have []corev1.Taint, now metav1.Time) []corev1.Taint {
	taints := slices.DeleteFunc(slices.Clone(have), func(t corev1.Taint) bool { return slices.Contains(c.remove, idOf(t)) })
	for _, id := range c.add {
		taint := corev1.Taint{Key: id.key, Effect: id.effect}
		if id.effect == corev1.TaintEffectNoExecute {
			taint.TimeAdded = &now
		}
		taints = append(taints, taint)
	}
	return taints
}

func idOf(t corev1.Taint) taintID { return taintID{t.Key, t.Effect} }

package nodelifecycle

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A sign is what changes as long as a node's kubelet lives. Only whether it
// changes matters, never the times in it, which are by the node's clock.
type sign struct {
	lease, ready string
}

func signOf(node *corev1.Node, lease *coordinationv1.Lease) sign {
	var s sign
	if lease != nil && lease.Spec.RenewTime != nil {
		s.lease = lease.Spec.RenewTime.UTC().Format(time.RFC3339Nano)
	}
	// A Ready condition which is Unknown is of our own making.
	if ready := conditionOf(node, corev1.NodeReady); ready != nil && ready.Status != corev1.ConditionUnknown {
		s.ready = ready.LastHeartbeatTime.UTC().Format(time.RFC3339Nano) + string(ready.Status)
	}
	return s
}

// A pulse is the last sign of a node and when, on our clock, it came.
type pulse struct {
	last sign
	at   time.Time
}

// feel returns the pulse after looking at a node. A node that is new to us
// counts as alive now.
func feel(before pulse, now sign, at time.Time) pulse {
	if before.at.IsZero() || (now != before.last && !silenced(before.last, now)) {
		return pulse{last: now, at: at}
	}
	return pulse{last: now, at: before.at}
}

// silenced says that a sign differs only by the Ready condition having become
// Unknown: that was us, not the node.
func silenced(before, now sign) bool {
	return now.ready == "" && before.lease == now.lease
}

// conditions that a silent node is said to be unknown in.
var heard = [...]corev1.NodeConditionType{
	corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure,
}

// silence makes the conditions of a node that is not heard of Unknown, in
// place. It returns whether that changed anything.
func silence(node *corev1.Node, now metav1.Time) bool {
	changed := false
	for _, kind := range heard {
		condition := conditionOf(node, kind)
		if condition == nil {
			node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{
				Type: kind, Status: corev1.ConditionUnknown, LastTransitionTime: now,
				Reason: "NodeStatusNeverUpdated", Message: "Kubelet never posted node status.",
			})
			changed = true
			continue
		}
		if condition.Status == corev1.ConditionUnknown {
			continue
		}
		condition.Status = corev1.ConditionUnknown
		condition.Reason = "NodeStatusUnknown"
		condition.Message = "Kubelet stopped posting node status."
		condition.LastTransitionTime = now
		changed = true
	}
	return changed
}

// conditionOf returns a pointer into the node, or nil.
func conditionOf(node *corev1.Node, kind corev1.NodeConditionType) *corev1.NodeCondition {
	for i := range node.Status.Conditions {
		if node.Status.Conditions[i].Type == kind {
			return &node.Status.Conditions[i]
		}
	}
	return nil
}

// readiness returns the status of a node's Ready condition, Unknown if it has none.
func readiness(node *corev1.Node) corev1.ConditionStatus {
	if ready := conditionOf(node, corev1.NodeReady); ready != nil {
		return ready.Status
	}
	return corev1.ConditionUnknown
}

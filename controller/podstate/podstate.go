package podstate

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IsActive reports whether a pod counts for its owner.
func IsActive(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
}

// Active returns the active ones of some pods.
func Active(pods []*corev1.Pod) []*corev1.Pod {
	var active []*corev1.Pod
	for _, p := range pods {
		if IsActive(p) {
			active = append(active, p)
		}
	}
	return active
}

// Condition returns the pod's condition of a type, or nil.
func Condition(p *corev1.Pod, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == t {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// Ready reports whether the pod serves.
func Ready(p *corev1.Pod) bool {
	c := Condition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

// Available reports whether the pod has been ready for at least minReady at
// now. Where it is ready but not for long enough, after is how long is missing.
func Available(p *corev1.Pod, minReady time.Duration, now time.Time) (available bool, after time.Duration) {
	if !Ready(p) {
		return false, 0
	}
	since := Condition(p, corev1.PodReady).LastTransitionTime
	if minReady <= 0 || since.IsZero() {
		return minReady <= 0, 0
	}
	missing := minReady - now.Sub(since.Time)
	return missing <= 0, max(missing, 0)
}

// FromTemplate returns the pod that a template describes, controlled by owner.
// Its name is left to the API server, after the owner's.
func FromTemplate(template *corev1.PodTemplateSpec, namespace string, owner metav1.Object, ref *metav1.OwnerReference) *corev1.Pod {
	template = template.DeepCopy()
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: owner.GetName() + "-",
			Labels: template.Labels, Annotations: template.Annotations, Finalizers: template.Finalizers,
			OwnerReferences: []metav1.OwnerReference{*ref},
		},
		Spec: template.Spec,
	}
}

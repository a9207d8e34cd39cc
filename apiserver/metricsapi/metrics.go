package metricsapi

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// Window is the time that a kubelet averages CPU use over.
const Window = 10 * time.Second

// nodeMetrics returns what a summary says of its node, or false when it has not
// been measured.
func nodeMetrics(node *corev1.Node, summary *Summary) (metricsv1beta1.NodeMetrics, bool) {
	usage, when, ok := usageOf(summary.Node.CPU, summary.Node.Memory)
	return metricsv1beta1.NodeMetrics{
		ObjectMeta: metadata(node),
		Timestamp:  metav1.NewTime(when),
		Window:     metav1.Duration{Duration: Window},
		Usage:      usage,
	}, ok
}

// podMetrics returns what a summary says of a pod, or false when not all of its
// containers have been measured.
func podMetrics(pod *corev1.Pod, summary *Summary) (metricsv1beta1.PodMetrics, bool) {
	metrics := metricsv1beta1.PodMetrics{
		ObjectMeta: metadata(pod),
		Window:     metav1.Duration{Duration: Window},
	}
	for _, stats := range summary.Pods {
		if stats.Pod.UID != string(pod.UID) {
			continue
		}
		for _, c := range stats.Containers {
			usage, when, ok := usageOf(c.CPU, c.Memory)
			if !ok {
				return metrics, false
			}
			if metrics.Timestamp.IsZero() || when.Before(metrics.Timestamp.Time) {
				metrics.Timestamp = metav1.NewTime(when)
			}
			metrics.Containers = append(metrics.Containers, metricsv1beta1.ContainerMetrics{Name: c.Name, Usage: usage})
		}
	}
	return metrics, len(metrics.Containers) > 0
}

// usageOf returns the use of CPU and memory and when it was measured.
func usageOf(cpu *CPU, memory *Memory) (corev1.ResourceList, time.Time, bool) {
	if cpu == nil || cpu.UsageNanoCores == nil || memory == nil || memory.WorkingSetBytes == nil {
		return nil, time.Time{}, false
	}
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewScaledQuantity(int64(*cpu.UsageNanoCores), resource.Nano),
		corev1.ResourceMemory: *resource.NewQuantity(int64(*memory.WorkingSetBytes), resource.BinarySI),
	}, cpu.Time, true
}

// metadata is the name and the labels of what was measured, now.
func metadata(obj metav1.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: obj.GetName(), Namespace: obj.GetNamespace(), Labels: obj.GetLabels(),
		CreationTimestamp: metav1.NewTime(time.Now()),
	}
}

package kubelet

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The labels and annotations by which a kubelet knows its own in the runtime.
// They are those of the Kubernetes kubelet, so tools such as crictl show them.
const (
	labelPodName       = "io.kubernetes.pod.name"
	labelPodNamespace  = "io.kubernetes.pod.namespace"
	labelPodUID        = "io.kubernetes.pod.uid"
	labelContainerName = "io.kubernetes.container.name"

	annotationHash = "io.kubernetes.container.hash"
)

func podLabels(pod *corev1.Pod) map[string]string {
	return map[string]string{
		labelPodName: pod.Name, labelPodNamespace: pod.Namespace, labelPodUID: string(pod.UID),
	}
}

// orphan is what can be said of a pod that only the runtime knows: enough to
// stop it.
func orphan(labels map[string]string) *corev1.Pod {
	now, grace := metav1.Now(), int64(corev1.DefaultTerminationGracePeriodSeconds)
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: labels[labelPodName], Namespace: labels[labelPodNamespace], UID: types.UID(labels[labelPodUID]),
		DeletionTimestamp: &now, DeletionGracePeriodSeconds: &grace,
	}}
}

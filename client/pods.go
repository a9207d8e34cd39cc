package client

import (
	"context"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Bind assigns a pod to a node, which is what a scheduler decides. It fails with
// apierrors.IsConflict if the pod has a node already or is not this pod any more.
func Bind(ctx context.Context, c *Client, pod *corev1.Pod, node string) error {
	binding := &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: node},
	}
	return For[*corev1.Pod](c).Subresource(ctx, http.MethodPost, pod.Namespace, pod.Name, "binding", binding, nil)
}

// Evict asks a pod to leave. Unlike a deletion it is refused with
// apierrors.IsTooManyRequests while a PodDisruptionBudget does not allow it.
// The options may be nil.
func Evict(ctx context.Context, c *Client, namespace, name string, opts *metav1.DeleteOptions) error {
	eviction := &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: namespace, Name: name},
		DeleteOptions: opts,
	}
	return For[*corev1.Pod](c).Subresource(ctx, http.MethodPost, namespace, name, "eviction", eviction, nil)
}

package admission

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// RuntimeClass writes into a pod what its runtime class brings along: what a
// sandbox of that kind takes besides the containers, and which nodes have it
// (https://kubernetes.io/docs/concepts/containers/runtime-class/).
type RuntimeClass struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (r RuntimeClass) Mutate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || !on(a, apiserver.Create) {
		return nil
	}
	class, err := r.class(ctx, a, pod)
	if err != nil || class == nil {
		return err
	}
	if class.Overhead != nil {
		if len(pod.Spec.Overhead) > 0 && !equality.Semantic.DeepEqual(class.Overhead.PodFixed, pod.Spec.Overhead) {
			return r.refuse(a, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
		}
		pod.Spec.Overhead = class.Overhead.PodFixed.DeepCopy()
	}
	if class.Scheduling != nil {
		return r.schedule(a, pod, class.Scheduling)
	}
	return nil
}

// schedule sends the pod to the nodes that have the runtime.
func (r RuntimeClass) schedule(a *apiserver.Admission, pod *corev1.Pod, to *nodev1.Scheduling) error {
	for _, key := range slices.Sorted(maps.Keys(to.NodeSelector)) {
		if value, ok := pod.Spec.NodeSelector[key]; ok && value != to.NodeSelector[key] {
			return r.refuse(a, "conflict: runtimeClass.scheduling.nodeSelector[%s] = %s; pod.spec.nodeSelector[%s] = %s",
				key, to.NodeSelector[key], key, value)
		}
	}
	if pod.Spec.NodeSelector == nil && len(to.NodeSelector) > 0 {
		pod.Spec.NodeSelector = map[string]string{}
	}
	maps.Copy(pod.Spec.NodeSelector, to.NodeSelector)
	for _, toleration := range to.Tolerations {
		if !slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool {
			return equality.Semantic.DeepEqual(t, toleration)
		}) {
			pod.Spec.Tolerations = append(pod.Spec.Tolerations, *toleration.DeepCopy())
		}
	}
	return nil
}

// Validate implements apiserver.Hook: overhead is the class's word alone.
func (r RuntimeClass) Validate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || !on(a, apiserver.Create) {
		return nil
	}
	class, err := r.class(ctx, a, pod)
	switch {
	case err != nil:
		return err
	case class != nil && class.Overhead != nil:
		if !equality.Semantic.DeepEqual(class.Overhead.PodFixed, pod.Spec.Overhead) {
			return r.refuse(a, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
		}
	case pod.Spec.Overhead != nil:
		return r.refuse(a, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
	}
	return nil
}

// class returns the class that the pod names, or nil.
func (r RuntimeClass) class(ctx context.Context, a *apiserver.Admission, pod *corev1.Pod) (*nodev1.RuntimeClass, error) {
	if pod.Spec.RuntimeClassName == nil {
		return nil, nil
	}
	class, err := typed.Get[*nodev1.RuntimeClass](ctx, r.Objects, "", *pod.Spec.RuntimeClassName)
	if apierrors.IsNotFound(err) {
		return nil, r.refuse(a, "pod rejected: RuntimeClass %q not found", *pod.Spec.RuntimeClassName)
	}
	return class, err
}

func (RuntimeClass) refuse(a *apiserver.Admission, format string, args ...any) error {
	return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf(format, args...))
}

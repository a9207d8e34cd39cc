package admission

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Priority turns the name of a pod's priority class into the number that the
// scheduler compares
// (https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/).
type Priority struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (p Priority) Mutate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || !on(a, apiserver.Create, apiserver.Update) {
		return nil
	}
	if old, ok := a.Old.(*corev1.Pod); ok {
		keepPriority(pod, old)
		return nil
	}
	class, err := p.class(ctx, a, pod)
	if err != nil {
		return err
	}
	value, policy := int32(0), corev1.PreemptLowerPriority
	if class != nil {
		value = class.Value
		pod.Spec.PriorityClassName = class.Name
		if class.PreemptionPolicy != nil {
			policy = *class.PreemptionPolicy
		}
	}
	if pod.Spec.Priority != nil && *pod.Spec.Priority != value {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf(
			"the integer value of priority (%d) must not be provided in pod spec; priority admission controller computed %d from the given PriorityClass name",
			*pod.Spec.Priority, value))
	}
	if pod.Spec.PreemptionPolicy != nil && *pod.Spec.PreemptionPolicy != policy {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf(
			"the string value of PreemptionPolicy (%s) must not be provided in pod spec; priority admission controller computed %s from the given PriorityClass name",
			*pod.Spec.PreemptionPolicy, policy))
	}
	pod.Spec.Priority, pod.Spec.PreemptionPolicy = &value, &policy
	return nil
}

// keepPriority restores what a client that was not told of it leaves out.
func keepPriority(pod, old *corev1.Pod) {
	if pod.Spec.Priority == nil {
		pod.Spec.Priority = old.Spec.Priority
	}
	if pod.Spec.PreemptionPolicy == nil {
		pod.Spec.PreemptionPolicy = old.Spec.PreemptionPolicy
	}
}

// class returns the class the pod names, or else the default one, or nil.
func (p Priority) class(ctx context.Context, a *apiserver.Admission, pod *corev1.Pod) (*schedulingv1.PriorityClass, error) {
	if name := pod.Spec.PriorityClassName; name != "" {
		class, err := typed.Get[*schedulingv1.PriorityClass](ctx, p.Objects, "", name)
		if apierrors.IsNotFound(err) {
			err = apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, fmt.Errorf("no PriorityClass with name %s was found", name))
		}
		return class, err
	}
	return p.defaultClass(ctx)
}

// defaultClass returns the global default. If there are several, which racing
// writers can bring about, it is the one that preempts least.
func (p Priority) defaultClass(ctx context.Context) (*schedulingv1.PriorityClass, error) {
	classes, err := typed.List[*schedulingv1.PriorityClass](ctx, p.Objects, "")
	var found *schedulingv1.PriorityClass
	for _, class := range classes {
		if class.GlobalDefault && (found == nil || class.Value < found.Value) {
			found = class
		}
	}
	return found, err
}

// Validate implements apiserver.Hook: there is one default class at most.
func (p Priority) Validate(ctx context.Context, a *apiserver.Admission) error {
	class, ok := a.Object.(*schedulingv1.PriorityClass)
	if !ok || !on(a, apiserver.Create, apiserver.Update) || !class.GlobalDefault {
		return nil
	}
	other, err := p.defaultClass(ctx)
	if err != nil || other == nil || other.Name == class.Name {
		return err
	}
	return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
		fmt.Errorf("PriorityClass %v is already marked as default. Only one default can exist", other.Name))
}

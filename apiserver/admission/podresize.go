package admission

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podresource "k8s.io/component-helpers/resource"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// PodResizeValidator refuses to resize a running pod to what its node cannot
// give or cannot do.
type PodResizeValidator struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (PodResizeValidator) Mutate(context.Context, *apiserver.Admission) error { return nil }

// Validate implements apiserver.Hook.
func (p PodResizeValidator) Validate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || a.Operation != apiserver.Update || a.Subresource != "resize" || pod.Spec.NodeName == "" ||
		a.Old == nil || a.Old.GetGeneration() == pod.Generation {
		return nil
	}
	refuse := func(cause metav1.CauseType, why error) error {
		err := apierrors.NewForbidden(a.Resource.GroupResource(), a.Name, why)
		if cause != "" {
			err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{Type: cause})
		}
		return err
	}
	node, err := typed.Get[*corev1.Node](ctx, p.Objects, "", pod.Spec.NodeName)
	if apierrors.IsNotFound(err) {
		return refuse("", fmt.Errorf("node %q not found", pod.Spec.NodeName))
	}
	if err != nil {
		return err
	}
	if system, ok := node.Labels[corev1.LabelOSStable]; ok && system != "linux" {
		return refuse("UnsupportedPlatform", fmt.Errorf("pod resize is only supported on linux nodes, node %q is %q", node.Name, system))
	}
	if why := exceeds(pod, node); why != "" {
		return refuse("NodeCapacity", fmt.Errorf("node didn't have enough allocatable resources: %s", why))
	}
	return nil
}

// exceeds says what of a pod's requests is more than the whole node has for pods.
func exceeds(pod *corev1.Pod, node *corev1.Node) string {
	requests := podresource.PodRequests(pod, podresource.PodResourcesOptions{})
	var parts []string
	if asked, has := requests.Cpu(), node.Status.Allocatable.Cpu(); asked.Cmp(*has) > 0 {
		parts = append(parts, fmt.Sprintf("cpu, requested: %d, allocatable: %d", asked.MilliValue(), has.MilliValue()))
	}
	if asked, has := requests.Memory(), node.Status.Allocatable.Memory(); asked.Cmp(*has) > 0 {
		parts = append(parts, fmt.Sprintf("memory, requested: %d, allocatable: %d", asked.Value(), has.Value()))
	}
	return strings.Join(parts, "; ")
}

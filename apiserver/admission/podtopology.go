package admission

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// PodTopologyLabels copies the labels that say where a node is to the pods that
// are written with a node already (KEP-4742). Those that are bound get them in the
// binding.
type PodTopologyLabels struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (p PodTopologyLabels) Mutate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || !on(a, apiserver.Create, apiserver.Update) || pod.Spec.NodeName == "" {
		return nil
	}
	node, err := typed.Get[*corev1.Node](ctx, p.Objects, "", pod.Spec.NodeName)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, key := range []string{corev1.LabelTopologyZone, corev1.LabelTopologyRegion} {
		if value, ok := node.Labels[key]; ok {
			if pod.Labels == nil {
				pod.Labels = map[string]string{}
			}
			pod.Labels[key] = value
		}
	}
	return nil
}

// Validate implements apiserver.Hook.
func (PodTopologyLabels) Validate(context.Context, *apiserver.Admission) error { return nil }

package kinds

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func deployments() *api.Resource {
	return &api.Resource{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"),
		StatusKeeps:      []string{"labels"},
		Plural:           "deployments",
		Singular:         "deployment",
		ShortNames:       []string{"deploy"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &appsv1.Deployment{} },
		NewList:          func() runtime.Object { return &appsv1.DeploymentList{} },
		Default:          api.Do(defaultDeployment),
		Validate:         rule(checkDeployment),
		ValidateUpdate: pairRule(func(j *judge, d, old *appsv1.Deployment) {
			j.unchanged(field.NewPath("spec", "selector"), d.Spec.Selector, old.Spec.Selector)
		}),
		ValidateStatus: pairRule(checkDeploymentStatus),
		Warnings:       withNameWarning(templateWarnings(func(o *appsv1.Deployment) *corev1.PodTemplateSpec { return &o.Spec.Template }, "spec", "template")),
		CopyStatus:     api.Pair(func(dst, src *appsv1.Deployment) { dst.Status = src.Status }),
		Generation:     true,
		// Annotations count: the controller hands them on to the replica sets.
		GenerationChanged: func(obj, old api.Object) bool {
			return !same(obj.(*appsv1.Deployment).Spec, old.(*appsv1.Deployment).Spec) ||
				!same(obj.GetAnnotations(), old.GetAnnotations())
		},
		Scale: &api.Scale{
			Get: api.Value(func(d *appsv1.Deployment) *autoscalingv1.Scale {
				return scaleOf(d, d.Spec.Replicas, d.Status.Replicas, d.Spec.Selector)
			}),
			Set: func(obj api.Object, replicas int32) { obj.(*appsv1.Deployment).Spec.Replicas = &replicas },
		},
		Columns: deploymentColumns(),
	}
}

// defaultDeployment follows
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#writing-a-deployment-spec.
func defaultDeployment(d *appsv1.Deployment) {
	spec := &d.Spec
	setDefaultPtr(&spec.Replicas, 1)
	setDefaultPtr(&spec.RevisionHistoryLimit, 10)
	setDefaultPtr(&spec.ProgressDeadlineSeconds, 600)
	setDefault(&spec.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		if spec.Strategy.RollingUpdate == nil {
			spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{}
		}
		setDefaultPtr(&spec.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		setDefaultPtr(&spec.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
	defaultPodSpec(&spec.Template.Spec)
}

func deploymentColumns() []api.Column {
	type deployment = *appsv1.Deployment
	return slices.Concat(
		table(
			text("Ready", "Number of the pod with ready state", func(d deployment) string {
				var want int32
				if d.Spec.Replicas != nil {
					want = *d.Spec.Replicas
				}
				return fmt.Sprintf("%d/%d", d.Status.ReadyReplicas, want)
			}),
			count("Up-to-date", docs(appsv1.DeploymentStatus{}, "updatedReplicas"), func(d deployment) int64 {
				return int64(d.Status.UpdatedReplicas)
			}),
			count("Available", docs(appsv1.DeploymentStatus{}, "availableReplicas"), func(d deployment) int64 {
				return int64(d.Status.AvailableReplicas)
			}),
			api.AgeColumn(),
		),
		containersColumns(func(d deployment) *corev1.PodSpec { return &d.Spec.Template.Spec }),
		[]api.Column{wide(text("Selector", docs(appsv1.DeploymentSpec{}, "selector"), func(d deployment) string {
			return selectorText(d.Spec.Selector)
		}))},
	)
}

package kinds

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/api"
)

func deployments() *api.Resource {
	return &api.Resource{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"),
		Plural:           "deployments",
		Singular:         "deployment",
		ShortNames:       []string{"deploy"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &appsv1.Deployment{} },
		NewList:          func() runtime.Object { return &appsv1.DeploymentList{} },
		Default:          api.Do(defaultDeployment),
		CopyStatus:       api.Pair(func(dst, src *appsv1.Deployment) { dst.Status = src.Status }),
		Generation:       true,
		// Annotations count: the controller hands them on to the replica sets.
		GenerationChanged: func(obj, old api.Object) bool {
			return !equality.Semantic.DeepEqual(obj.(*appsv1.Deployment).Spec, old.(*appsv1.Deployment).Spec) ||
				!equality.Semantic.DeepEqual(obj.GetAnnotations(), old.GetAnnotations())
		},
		Scale: &api.Scale{
			Get: api.Value(func(d *appsv1.Deployment) *autoscalingv1.Scale {
				return scaleOf(d, d.Spec.Replicas, d.Status.Replicas, d.Spec.Selector)
			}),
			Set: func(obj api.Object, replicas int32) { obj.(*appsv1.Deployment).Spec.Replicas = &replicas },
		},
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

// scaleOf makes the scale of a workload of its parts.
func scaleOf(obj api.Object, want *int32, have int32, selector *metav1.LabelSelector) *autoscalingv1.Scale {
	scale := &autoscalingv1.Scale{
		TypeMeta: metav1.TypeMeta{APIVersion: "autoscaling/v1", Kind: "Scale"},
		ObjectMeta: metav1.ObjectMeta{
			Name: obj.GetName(), Namespace: obj.GetNamespace(), UID: obj.GetUID(),
			ResourceVersion: obj.GetResourceVersion(), CreationTimestamp: obj.GetCreationTimestamp(),
		},
		Status: autoscalingv1.ScaleStatus{Replicas: have},
	}
	if want != nil {
		scale.Spec.Replicas = *want
	}
	// A selector that cannot be read was refused when the object was written.
	if sel, err := metav1.LabelSelectorAsSelector(selector); err == nil {
		scale.Status.Selector = sel.String()
	}
	return scale
}

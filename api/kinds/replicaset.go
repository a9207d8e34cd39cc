package kinds

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func replicaSets() *api.Resource {
	return &api.Resource{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"),
		Plural:           "replicasets",
		Singular:         "replicaset",
		ShortNames:       []string{"rs"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &appsv1.ReplicaSet{} },
		NewList:          func() runtime.Object { return &appsv1.ReplicaSetList{} },
		Default:          api.Do(defaultReplicaSet),
		Validate:         rule(checkReplicaSet),
		ValidateUpdate: pairRule(func(j *judge, rs, old *appsv1.ReplicaSet) {
			j.unchanged(field.NewPath("spec", "selector"), rs.Spec.Selector, old.Spec.Selector)
		}),
		ValidateStatus: pairRule(checkReplicaSetStatus),
		Warnings:       withNameWarning(templateWarnings(func(o *appsv1.ReplicaSet) *corev1.PodTemplateSpec { return &o.Spec.Template }, "spec", "template")),
		CopyStatus:     api.Pair(func(dst, src *appsv1.ReplicaSet) { dst.Status = src.Status }),
		Generation:     true,
		Scale: &api.Scale{
			Get: api.Value(func(rs *appsv1.ReplicaSet) *autoscalingv1.Scale {
				return scaleOf(rs, rs.Spec.Replicas, rs.Status.Replicas, rs.Spec.Selector)
			}),
			Set: func(obj api.Object, replicas int32) { obj.(*appsv1.ReplicaSet).Spec.Replicas = &replicas },
		},
		Columns: replicaSetColumns(),
	}
}

func defaultReplicaSet(rs *appsv1.ReplicaSet) {
	setDefaultPtr(&rs.Spec.Replicas, 1)
	defaultPodSpec(&rs.Spec.Template.Spec)
}

func replicaSetColumns() []api.Column {
	type replicaSet = *appsv1.ReplicaSet
	return slices.Concat(
		table(
			integer("Desired", docs(appsv1.ReplicaSetSpec{}, "replicas"), func(rs replicaSet) int64 {
				if rs.Spec.Replicas == nil {
					return 0
				}
				return int64(*rs.Spec.Replicas)
			}),
			integer("Current", docs(appsv1.ReplicaSetStatus{}, "replicas"), func(rs replicaSet) int64 { return int64(rs.Status.Replicas) }),
			integer("Ready", docs(appsv1.ReplicaSetStatus{}, "readyReplicas"), func(rs replicaSet) int64 { return int64(rs.Status.ReadyReplicas) }),
			api.AgeColumn(),
		),
		containersColumns(func(rs replicaSet) *corev1.PodSpec { return &rs.Spec.Template.Spec }),
		[]api.Column{wide(text("Selector", docs(appsv1.ReplicaSetSpec{}, "selector"), func(rs replicaSet) string {
			return selectorText(rs.Spec.Selector)
		}))},
	)
}

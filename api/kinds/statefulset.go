package kinds

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/coracle-k8s/coracle/api"
)

func statefulSets() *api.Resource {
	type statefulSet = *appsv1.StatefulSet
	return &api.Resource{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("StatefulSet"),
		Plural:           "statefulsets",
		Singular:         "statefulset",
		ShortNames:       []string{"sts"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &appsv1.StatefulSet{} },
		NewList:          func() runtime.Object { return &appsv1.StatefulSetList{} },
		Default:          api.Do(defaultStatefulSet),
		Validate:         rule(checkStatefulSet),
		ValidateUpdate:   pairRule(checkStatefulSetUpdate),
		ValidateName:     validation.NameIsDNSLabel,
		ValidateStatus:   pairRule(checkStatefulSetStatus),
		Warnings:         templateWarnings(func(o *appsv1.StatefulSet) *corev1.PodTemplateSpec { return &o.Spec.Template }, "spec", "template"),
		CopyStatus:       api.Pair(func(dst, src statefulSet) { dst.Status = src.Status }),
		Generation:       true,
		Scale: &api.Scale{
			Get: api.Value(func(s statefulSet) *autoscalingv1.Scale {
				return scaleOf(s, s.Spec.Replicas, s.Status.Replicas, s.Spec.Selector)
			}),
			Set: func(obj api.Object, replicas int32) { obj.(statefulSet).Spec.Replicas = &replicas },
		},
		Columns: slices.Concat(
			table(
				text("Ready", "Number of the pod with ready state", func(s statefulSet) string {
					return fmt.Sprintf("%d/%d", s.Status.ReadyReplicas, number(s.Spec.Replicas))
				}),
				api.AgeColumn(),
			),
			containersColumns(func(s statefulSet) *corev1.PodSpec { return &s.Spec.Template.Spec }),
		),
	}
}

// defaultStatefulSet follows
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/.
func defaultStatefulSet(s *appsv1.StatefulSet) {
	spec := &s.Spec
	setDefault(&spec.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	if spec.UpdateStrategy.Type == "" {
		spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
		if spec.UpdateStrategy.RollingUpdate == nil {
			spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
		}
	}
	if rolling := spec.UpdateStrategy.RollingUpdate; rolling != nil && spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		setDefaultPtr(&rolling.Partition, 0)
		setDefaultPtr(&rolling.MaxUnavailable, intstr.FromInt32(1))
	}
	if spec.PersistentVolumeClaimRetentionPolicy == nil {
		spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{}
	}
	setDefault(&spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	setDefault(&spec.PersistentVolumeClaimRetentionPolicy.WhenScaled, appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
	setDefaultPtr(&spec.Replicas, 1)
	setDefaultPtr(&spec.RevisionHistoryLimit, 10)
	defaultPodSpec(&spec.Template.Spec)
	for i := range spec.VolumeClaimTemplates {
		claim := &spec.VolumeClaimTemplates[i]
		claim.APIVersion, claim.Kind = "v1", "PersistentVolumeClaim"
		defaultClaim(claim)
	}
}

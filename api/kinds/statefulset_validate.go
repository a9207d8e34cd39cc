package kinds

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkStatefulSet(j *judge, s *appsv1.StatefulSet) {
	spec, path := &s.Spec, field.NewPath("spec")
	policy := path.Child("podManagementPolicy")
	switch spec.PodManagementPolicy {
	case "":
		j.required(policy, "")
	case appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement:
	default:
		j.invalid(policy, spec.PodManagementPolicy, fmt.Sprintf("must be '%s' or '%s'",
			appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement))
	}
	checkStatefulStrategy(j, &spec.UpdateStrategy, path.Child("updateStrategy"))
	if kept := spec.PersistentVolumeClaimRetentionPolicy; kept != nil {
		at := path.Child("persistentVolumeClaimRetentionPolicy")
		supported(j, at.Child("whenDeleted"), kept.WhenDeleted, claimRetentions()...)
		supported(j, at.Child("whenScaled"), kept.WhenScaled, claimRetentions()...)
	}
	for i := range spec.VolumeClaimTemplates {
		checkClaimSpec(j, &spec.VolumeClaimTemplates[i].Spec, path.Child("volumeClaimTemplates").Index(i).Child("spec"))
	}
	checkReplicas(j, spec.Replicas, path.Child("replicas"))
	j.notNegative(path.Child("minReadySeconds"), int64(spec.MinReadySeconds))
	if spec.Ordinals != nil {
		j.notNegative(path.Child("ordinals.start"), int64(spec.Ordinals.Start))
	}
	if spec.ServiceName != "" {
		j.label(path.Child("serviceName"), spec.ServiceName)
	}
	checkStatefulPods(j, spec, path)
}

func claimRetentions() []appsv1.PersistentVolumeClaimRetentionPolicyType {
	return []appsv1.PersistentVolumeClaimRetentionPolicyType{
		appsv1.RetainPersistentVolumeClaimRetentionPolicyType, appsv1.DeletePersistentVolumeClaimRetentionPolicyType,
	}
}

func checkStatefulStrategy(j *judge, s *appsv1.StatefulSetUpdateStrategy, path *field.Path) {
	rolling := path.Child("rollingUpdate")
	switch {
	case s.Type == "":
		j.required(path, "")
	case s.Type == appsv1.OnDeleteStatefulSetStrategyType:
		if s.RollingUpdate != nil {
			j.invalid(rolling, s.RollingUpdate, fmt.Sprintf("only allowed for updateStrategy '%s'", appsv1.RollingUpdateStatefulSetStrategyType))
		}
	case s.Type != appsv1.RollingUpdateStatefulSetStrategyType:
		j.invalid(path, s, fmt.Sprintf("must be '%s' or '%s'",
			appsv1.RollingUpdateStatefulSetStrategyType, appsv1.OnDeleteStatefulSetStrategyType))
	case s.RollingUpdate != nil:
		checkReplicas(j, s.RollingUpdate.Partition, rolling.Child("partition"))
		missing, at := s.RollingUpdate.MaxUnavailable, rolling.Child("maxUnavailable")
		if missing == nil {
			return
		}
		if checkNumberOrPercent(j, *missing, at) == 0 {
			j.invalid(at, *missing, "cannot be 0")
		}
		checkAtMost100Percent(j, *missing, at)
	}
}

// checkStatefulPods judges selector and template. What the controller will write
// over in each pod is not looked at: its names, and the volumes of its claims.
func checkStatefulPods(j *judge, spec *appsv1.StatefulSetSpec, path *field.Path) {
	at, inner := path.Child("selector"), path.Child("template")
	if spec.Selector == nil {
		j.required(at, "")
	} else {
		checkSelector(j, spec.Selector, at)
		if len(spec.Selector.MatchLabels)+len(spec.Selector.MatchExpressions) == 0 {
			j.invalid(at, spec.Selector, "empty selector is invalid for statefulset")
		}
	}
	template := spec.Template.DeepCopy()
	template.Spec.Subdomain, template.Spec.Hostname = "", ""
	template.Spec.Volumes = withClaims(template.Spec.Volumes, spec.VolumeClaimTemplates)
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err != nil {
		j.invalid(at, spec.Selector, "")
	} else {
		if !selector.Empty() && !selector.Matches(labels.Set(template.Labels)) {
			j.invalid(inner.Child("metadata", "labels"), template.Labels, "`selector` does not match template `labels`")
		}
		checkTemplate(j, template, inner)
		// Kubernetes looks at these twice, and tells them twice.
		j.add(metavalidation.ValidateLabels(template.Labels, inner.Child("labels")))
		j.add(apivalidation.ValidateAnnotations(template.Annotations, inner.Child("annotations")))
	}
	checkKeepsRunning(j, "StatefulSet", &spec.Template, inner)
}

// withClaims are a pod's volumes with those that its claims will be.
func withClaims(volumes []corev1.Volume, claims []corev1.PersistentVolumeClaim) []corev1.Volume {
	var all []corev1.Volume
	claimed := map[string]bool{}
	for _, claim := range claims {
		if claimed[claim.Name] {
			continue
		}
		claimed[claim.Name] = true
		all = append(all, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name},
		}})
	}
	for _, v := range volumes {
		if !claimed[v.Name] {
			all = append(all, v)
		}
	}
	return all
}

func checkStatefulSetUpdate(j *judge, s, old *appsv1.StatefulSet) {
	path := field.NewPath("spec")
	j.unchanged(path.Child("selector"), s.Spec.Selector, old.Spec.Selector)
	j.unchanged(path.Child("volumeClaimTemplates"), s.Spec.VolumeClaimTemplates, old.Spec.VolumeClaimTemplates)
	j.unchanged(path.Child("serviceName"), s.Spec.ServiceName, old.Spec.ServiceName)
	j.unchanged(path.Child("podManagementPolicy"), s.Spec.PodManagementPolicy, old.Spec.PodManagementPolicy)
}

func checkStatefulSetStatus(j *judge, s, old *appsv1.StatefulSet) {
	status, path := &s.Status, field.NewPath("status")
	j.notNegative(path.Child("replicas"), int64(status.Replicas))
	j.notNegative(path.Child("readyReplicas"), int64(status.ReadyReplicas))
	j.notNegative(path.Child("currentReplicas"), int64(status.CurrentReplicas))
	j.notNegative(path.Child("updatedReplicas"), int64(status.UpdatedReplicas))
	j.notNegative(path.Child("availableReplicas"), int64(status.AvailableReplicas))
	j.notNegative(path.Child("observedGeneration"), status.ObservedGeneration)
	checkReplicas(j, status.CollisionCount, path.Child("collisionCount"))
	for _, part := range []podCount{
		{"readyReplicas", status.ReadyReplicas}, {"currentReplicas", status.CurrentReplicas},
		{"updatedReplicas", status.UpdatedReplicas}, {"availableReplicas", status.AvailableReplicas},
	} {
		if part.n > status.Replicas {
			j.invalid(path.Child(part.name), part.n, "cannot be greater than status.replicas")
		}
	}
	if status.AvailableReplicas > status.ReadyReplicas {
		j.invalid(path.Child("availableReplicas"), status.AvailableReplicas, "cannot be greater than status.readyReplicas")
	}
	checkCollisions(j, status.CollisionCount, old.Status.CollisionCount)
}

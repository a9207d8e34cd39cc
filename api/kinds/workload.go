package kinds

import (
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// What deployments and replica sets have in common: a number of pods made from
// a template and found again by a selector.

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

func checkReplicas(j *judge, replicas *int32, path *field.Path) {
	if replicas != nil {
		j.notNegative(path, int64(*replicas))
	}
}

// checkPodsOf judges selector and template, which must fit: pods that the
// selector does not find would be made for ever. The template's pods restart
// always, since a workload wants them running.
func checkPodsOf(j *judge, kind string, selector *metav1.LabelSelector, template *corev1.PodTemplateSpec, path *field.Path) {
	at := path.Child("selector")
	if selector == nil {
		j.required(at, "")
	} else {
		checkSelector(j, selector, at)
		if len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
			// Kubernetes says deployment for both kinds.
			j.invalid(at, selector, "empty selector is invalid for deployment")
		}
	}

	inner := path.Child("template")
	if sel, err := metav1.LabelSelectorAsSelector(selector); err != nil {
		j.invalid(at, selector, "invalid label selector")
	} else if !sel.Empty() && !sel.Matches(labels.Set(template.Labels)) {
		j.invalid(inner.Child("metadata", "labels"), template.Labels, "`selector` does not match template `labels`")
	}
	checkTemplate(j, template, inner)
	checkKeepsRunning(j, kind, template, inner)
}

// checkKeepsRunning: the pods of all workloads but jobs run for ever.
func checkKeepsRunning(j *judge, kind string, template *corev1.PodTemplateSpec, path *field.Path) {
	supported(j, path.Child("spec", "restartPolicy"), template.Spec.RestartPolicy, corev1.RestartPolicyAlways)
	if template.Spec.ActiveDeadlineSeconds != nil {
		j.forbidden(path.Child("spec", "activeDeadlineSeconds"), "activeDeadlineSeconds in "+kind+" is not Supported")
	}
}

func checkDeployment(j *judge, d *appsv1.Deployment) {
	spec, path := &d.Spec, field.NewPath("spec")
	checkReplicas(j, spec.Replicas, path.Child("replicas"))
	checkPodsOf(j, "ReplicaSet", spec.Selector, &spec.Template, path)
	checkStrategy(j, &spec.Strategy, path.Child("strategy"))
	j.notNegative(path.Child("minReadySeconds"), int64(spec.MinReadySeconds))
	checkReplicas(j, spec.RevisionHistoryLimit, path.Child("revisionHistoryLimit"))
	if deadline := spec.ProgressDeadlineSeconds; deadline != nil {
		j.notNegative(path.Child("progressDeadlineSeconds"), int64(*deadline))
		if *deadline <= spec.MinReadySeconds {
			j.invalid(path.Child("progressDeadlineSeconds"), *deadline, "must be greater than minReadySeconds")
		}
	}
}

func checkStrategy(j *judge, s *appsv1.DeploymentStrategy, path *field.Path) {
	rolling := path.Child("rollingUpdate")
	switch s.Type {
	case appsv1.RecreateDeploymentStrategyType:
		if s.RollingUpdate != nil {
			j.forbidden(rolling, "may not be specified when strategy `type` is 'Recreate'")
		}
	case appsv1.RollingUpdateDeploymentStrategyType:
		if s.RollingUpdate == nil || s.RollingUpdate.MaxUnavailable == nil || s.RollingUpdate.MaxSurge == nil {
			j.required(rolling, "this should be defaulted and never be nil")
			return
		}
		checkRollingUpdate(j, *s.RollingUpdate.MaxUnavailable, *s.RollingUpdate.MaxSurge, rolling)
	default:
		j.add(field.ErrorList{field.NotSupported(path, *s, []appsv1.DeploymentStrategyType{
			appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType,
		})})
	}
}

// checkRollingUpdate: with no pod to spare and none to miss, nothing could move.
func checkRollingUpdate(j *judge, unavailable, surge intstr.IntOrString, path *field.Path) {
	missing := checkNumberOrPercent(j, unavailable, path.Child("maxUnavailable"))
	extra := checkNumberOrPercent(j, surge, path.Child("maxSurge"))
	if missing == 0 && extra == 0 {
		j.invalid(path.Child("maxUnavailable"), unavailable, "may not be 0 when `maxSurge` is 0")
	}
	checkAtMost100Percent(j, unavailable, path.Child("maxUnavailable"))
}

func checkAtMost100Percent(j *judge, n intstr.IntOrString, path *field.Path) {
	if percent, err := strconv.Atoi(strings.TrimSuffix(n.StrVal, "%")); n.Type == intstr.String && err == nil && percent > 100 {
		j.invalid(path, n, "must not be greater than 100%")
	}
}

// checkNumberOrPercent returns the number, be it of pods or of percent; -1 if
// there is none.
func checkNumberOrPercent(j *judge, n intstr.IntOrString, path *field.Path) int {
	if n.Type == intstr.Int {
		j.notNegative(path, int64(n.IntVal))
		return int(n.IntVal)
	}
	if messages := validation.IsValidPercent(n.StrVal); len(messages) > 0 {
		j.invalid(path, n, messages...)
		return -1
	}
	number, err := strconv.Atoi(strings.TrimSuffix(n.StrVal, "%"))
	if err != nil {
		j.invalid(path, n, err.Error())
		return -1
	}
	return number
}

func checkReplicaSet(j *judge, rs *appsv1.ReplicaSet) {
	path := field.NewPath("spec")
	checkReplicas(j, rs.Spec.Replicas, path.Child("replicas"))
	j.notNegative(path.Child("minReadySeconds"), int64(rs.Spec.MinReadySeconds))
	checkPodsOf(j, "ReplicaSet", rs.Spec.Selector, &rs.Spec.Template, path)
}

// podCount is one of the numbers of pods that a status reports.
type podCount struct {
	name string
	n    int32
}

// checkCounts: no number of pods is negative.
func checkCounts(j *judge, total int32, parts []podCount) {
	status := field.NewPath("status")
	j.notNegative(status.Child("replicas"), int64(total))
	for _, part := range parts {
		j.notNegative(status.Child(part.name), int64(part.n))
	}
}

// checkParts: what is part of all pods is no more than all of them, and no pod is
// available that is not ready.
func checkParts(j *judge, total int32, parts []podCount) {
	status := field.NewPath("status")
	var ready int32
	for _, part := range parts {
		if part.n > total {
			j.invalid(status.Child(part.name), part.n, "cannot be greater than status.replicas")
		}
		switch {
		case part.name == "readyReplicas":
			ready = part.n
		case part.name == "availableReplicas" && part.n > ready:
			j.invalid(status.Child(part.name), part.n, "cannot be greater than readyReplicas")
		}
	}
}

func checkDeploymentStatus(j *judge, d, old *appsv1.Deployment) {
	status := field.NewPath("status")
	j.notNegative(status.Child("observedGeneration"), d.Status.ObservedGeneration)
	parts := []podCount{
		{"updatedReplicas", d.Status.UpdatedReplicas},
		{"readyReplicas", d.Status.ReadyReplicas},
		{"availableReplicas", d.Status.AvailableReplicas},
	}
	checkCounts(j, d.Status.Replicas, parts)
	j.notNegative(status.Child("unavailableReplicas"), int64(d.Status.UnavailableReplicas))
	checkReplicas(j, d.Status.TerminatingReplicas, status.Child("terminatingReplicas"))
	checkReplicas(j, d.Status.CollisionCount, status.Child("collisionCount"))
	checkParts(j, d.Status.Replicas, parts)
	checkCollisions(j, d.Status.CollisionCount, old.Status.CollisionCount)
}

// checkCollisions: how often names have clashed only ever grows.
func checkCollisions(j *judge, now, was *int32) {
	if was != nil && (now == nil || *now < *was) {
		j.invalid(field.NewPath("status", "collisionCount"), number(now), "cannot be decremented")
	}
}

// number is what a field that may be left out counts.
func number(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}

func checkReplicaSetStatus(j *judge, rs, _ *appsv1.ReplicaSet) {
	parts := []podCount{
		{"fullyLabeledReplicas", rs.Status.FullyLabeledReplicas},
		{"readyReplicas", rs.Status.ReadyReplicas},
		{"availableReplicas", rs.Status.AvailableReplicas},
	}
	checkCounts(j, rs.Status.Replicas, parts)
	j.notNegative(field.NewPath("status", "observedGeneration"), rs.Status.ObservedGeneration)
	checkReplicas(j, rs.Status.TerminatingReplicas, field.NewPath("status", "terminatingReplicas"))
	checkParts(j, rs.Status.Replicas, parts)
}

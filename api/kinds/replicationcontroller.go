package kinds

import (
	"slices"
	"strconv"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// replicationControllers are what replica sets were before selectors could say
// more than equals.
func replicationControllers() *api.Resource {
	type controller = *corev1.ReplicationController
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ReplicationController"),
		Plural:           "replicationcontrollers",
		Singular:         "replicationcontroller",
		ShortNames:       []string{"rc"},
		Categories:       []string{"all"},
		Namespaced:       true,
		StorageKey:       "controllers", // what they were called when they were the only ones
		New:              func() api.Object { return &corev1.ReplicationController{} },
		NewList:          func() runtime.Object { return &corev1.ReplicationControllerList{} },
		Default:          api.Do(defaultReplicationController),
		Validate:         rule(checkReplicationController),
		ValidateStatus: pairRule(func(j *judge, c, _ controller) {
			parts := []podCount{
				{"fullyLabeledReplicas", c.Status.FullyLabeledReplicas},
				{"readyReplicas", c.Status.ReadyReplicas},
				{"availableReplicas", c.Status.AvailableReplicas},
			}
			checkCounts(j, c.Status.Replicas, parts)
			j.notNegative(field.NewPath("status", "observedGeneration"), c.Status.ObservedGeneration)
			checkParts(j, c.Status.Replicas, parts)
		}),
		Warnings:          withNameWarning(templateWarnings(func(o *corev1.ReplicationController) *corev1.PodTemplateSpec { return o.Spec.Template }, "spec", "template")),
		CopyStatus:        api.Pair(func(dst, src controller) { dst.Status = src.Status }),
		Generation:        true,
		DeletePropagation: metav1.DeletePropagationOrphan, // for clients older than owners
		Scale: &api.Scale{
			Get: api.Value(func(c controller) *autoscalingv1.Scale {
				scale := scaleOf(c, c.Spec.Replicas, c.Status.Replicas, nil)
				scale.Status.Selector = labels.Set(c.Spec.Selector).AsSelector().String()
				return scale
			}),
			Set: func(obj api.Object, replicas int32) { obj.(controller).Spec.Replicas = &replicas },
		},
		FieldNames: []string{"status.replicas"},
		Fields: api.Value(func(c controller) fields.Set {
			return fields.Set{"status.replicas": strconv.Itoa(int(c.Status.Replicas))}
		}),
		Columns: replicationControllerColumns(),
	}
}

// defaultReplicationController takes from the template what is left out.
func defaultReplicationController(c *corev1.ReplicationController) {
	setDefaultPtr(&c.Spec.Replicas, 1)
	if c.Spec.Template == nil {
		return
	}
	if set := c.Spec.Template.Labels; set != nil {
		if len(c.Spec.Selector) == 0 {
			c.Spec.Selector = set
		}
		if len(c.Labels) == 0 {
			c.Labels = set
		}
	}
	defaultPodSpec(&c.Spec.Template.Spec)
}

func checkReplicationController(j *judge, c *corev1.ReplicationController) {
	spec, path := &c.Spec, field.NewPath("spec")
	j.notNegative(path.Child("minReadySeconds"), int64(spec.MinReadySeconds))
	if len(spec.Selector) == 0 {
		j.required(path.Child("selector"), "")
	}
	checkReplicas(j, spec.Replicas, path.Child("replicas"))
	inner := path.Child("template")
	if spec.Template == nil {
		j.required(inner, "")
		return
	}
	if !labels.Set(spec.Selector).AsSelector().Matches(labels.Set(spec.Template.Labels)) {
		j.invalid(inner.Child("metadata", "labels"), spec.Template.Labels, "`selector` does not match template `labels`")
	}
	checkTemplate(j, spec.Template, inner)
	checkKeepsRunning(j, "ReplicationController", spec.Template, inner)
}

func replicationControllerColumns() []api.Column {
	type controller = *corev1.ReplicationController
	return slices.Concat(
		table(
			integer("Desired", docs(corev1.ReplicationControllerSpec{}, "replicas"), func(c controller) int64 { return int64(number(c.Spec.Replicas)) }),
			integer("Current", docs(corev1.ReplicationControllerStatus{}, "replicas"), func(c controller) int64 { return int64(c.Status.Replicas) }),
			integer("Ready", docs(corev1.ReplicationControllerStatus{}, "readyReplicas"), func(c controller) int64 { return int64(c.Status.ReadyReplicas) }),
			api.AgeColumn(),
		),
		containersColumns(func(c controller) *corev1.PodSpec {
			if c.Spec.Template == nil {
				return &corev1.PodSpec{}
			}
			return &c.Spec.Template.Spec
		}),
		[]api.Column{wide(text("Selector", docs(corev1.ReplicationControllerSpec{}, "selector"), func(c controller) string { return labelText(c.Spec.Selector) }))},
	)
}

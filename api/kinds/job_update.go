package kinds

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkJobUpdate: how much of a job there is may change, what it is may not.
func checkJobUpdate(j *judge, job, old *batchv1.Job) {
	spec, was, path := &job.Spec, &old.Spec, field.NewPath("spec")
	checkJobSpec(j, spec, path)
	checkJobSelector(j, spec, path)
	checkCompletionsUpdate(j, spec, was, path.Child("completions"))
	j.unchanged(path.Child("selector"), spec.Selector, was.Selector)
	checkJobTemplateUpdate(j, job, old, path)
	j.unchanged(path.Child("completionMode"), spec.CompletionMode, was.CompletionMode)
	j.unchanged(path.Child("podFailurePolicy"), spec.PodFailurePolicy, was.PodFailurePolicy)
	j.unchanged(path.Child("backoffLimitPerIndex"), spec.BackoffLimitPerIndex, was.BackoffLimitPerIndex)
	j.unchanged(path.Child("managedBy"), spec.ManagedBy, was.ManagedBy)
	j.unchanged(path.Child("successPolicy"), spec.SuccessPolicy, was.SuccessPolicy)
	checkPodNames(j, job)
}

// checkCompletionsUpdate: an indexed job may grow and shrink, if all its pods
// run at once.
func checkCompletionsUpdate(j *judge, spec, was *batchv1.JobSpec, path *field.Path) {
	switch {
	case !isIndexed(spec):
		j.unchanged(path, spec.Completions, was.Completions)
	case spec.Completions == nil || same(spec.Completions, was.Completions):
	case *spec.Completions != number(spec.Parallelism):
		j.invalid(path, spec.Completions, fmt.Sprintf("can only be modified in tandem with %s", path.Root().Child("parallelism")))
	}
}

// checkJobTemplateUpdate lets a job that is suspended, and has no pods, change
// where its pods are to run and what they need: that is for a queue to decide,
// which holds the job back till there is room (KEP-2926).
func checkJobTemplateUpdate(j *judge, job, old *batchv1.Job, path *field.Path) {
	suspended := old.Spec.Suspend != nil && *old.Spec.Suspend
	idle := suspended && old.Status.Active == 0 && (old.Status.StartTime == nil || jobIs(old, batchv1.JobSuspended))
	template, was := &job.Spec.Template, old.Spec.Template.DeepCopy()
	if !idle {
		j.unchanged(path.Child("template"), template, was)
		return
	}
	takeScheduling(was, template)
	takeResources(was.Spec.Containers, template.Spec.Containers)
	takeResources(was.Spec.InitContainers, template.Spec.InitContainers)
	j.unchanged(path.Child("template.spec"), template.Spec, was.Spec)
}

// takeScheduling makes those parts of a template that say where pods run another's.
func takeScheduling(t, from *corev1.PodTemplateSpec) {
	switch mine, theirs := t.Spec.Affinity, from.Spec.Affinity; {
	case theirs == nil && mine != nil:
		if mine.NodeAffinity = nil; *mine == (corev1.Affinity{}) {
			t.Spec.Affinity = nil
		}
	case theirs != nil && mine == nil:
		t.Spec.Affinity = &corev1.Affinity{NodeAffinity: theirs.NodeAffinity}
	case theirs != nil:
		mine.NodeAffinity = theirs.NodeAffinity
	}
	t.Spec.NodeSelector = from.Spec.NodeSelector
	t.Spec.Tolerations = from.Spec.Tolerations
	t.Spec.SchedulingGates = from.Spec.SchedulingGates
	t.Annotations = from.Annotations
	t.Labels = from.Labels
}

// takeResources makes the needs of containers those of others, by name.
func takeResources(containers, from []corev1.Container) {
	if len(containers) != len(from) {
		return
	}
	for i := range containers {
		if containers[i].Name == from[i].Name {
			containers[i].Resources = from[i].Resources
		}
	}
}

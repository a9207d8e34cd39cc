package kinds

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/coracle-k8s/coracle/api"
)

// jobs: the rules of its spec are in job_validate.go and job_policy.go, those
// for a change in job_update.go, and those of its status in job_status.go.
func jobs() *api.Resource {
	return &api.Resource{
		GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("Job"),
		Plural:           "jobs",
		Singular:         "job",
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &batchv1.Job{} },
		NewList:          func() runtime.Object { return &batchv1.JobList{} },
		Default:          api.Do(defaultJob),
		PrepareCreate:    api.Do(selectOwnPods),
		ValidateCreate:   rule(checkNewJob),
		ValidateUpdate:   pairRule(checkJobUpdate),
		ValidateStatus:   pairRule(checkJobStatus),
		Warnings:         withNameWarning(templateWarnings(func(o *batchv1.Job) *corev1.PodTemplateSpec { return &o.Spec.Template }, "spec", "template")),
		CopyStatus:       api.Pair(func(dst, src *batchv1.Job) { dst.Status = src.Status }),
		Generation:       true,
		// What a job has done outlives it, unless the client says otherwise.
		DeletePropagation: metav1.DeletePropagationOrphan,
		DeleteWarning: "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them " +
			"or set propagationPolicy=Orphan to suppress this warning",
		FieldNames:   []string{"status.successful"},
		UnknownField: `field label "%s" not supported for Job`,
		Fields: api.Value(func(job *batchv1.Job) fields.Set {
			return fields.Set{"status.successful": strconv.Itoa(int(job.Status.Succeeded))}
		}),
		Columns: jobColumns(),
	}
}

// defaultJob follows
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#writing-a-job-spec.
func defaultJob(job *batchv1.Job) {
	spec := &job.Spec
	if spec.Parallelism == nil {
		setDefaultPtr(&spec.Completions, 1)
	}
	setDefaultPtr(&spec.Parallelism, 1)
	if spec.BackoffLimitPerIndex != nil {
		setDefaultPtr(&spec.BackoffLimit, math.MaxInt32)
	}
	setDefaultPtr(&spec.BackoffLimit, 6)
	if len(job.Labels) == 0 && spec.Template.Labels != nil {
		job.Labels = spec.Template.Labels
	}
	setDefaultPtr(&spec.CompletionMode, batchv1.NonIndexedCompletion)
	setDefaultPtr(&spec.Suspend, false)
	if spec.PodFailurePolicy != nil {
		setDefaultPtr(&spec.PodReplacementPolicy, batchv1.Failed)
	}
	setDefaultPtr(&spec.PodReplacementPolicy, batchv1.TerminatingOrFailed)
	setDefaultPtr(&spec.ManualSelector, false)
	defaultJobTemplate(spec)
}

// defaultJobTemplate is what a job gets that is still in the making, in a cron
// job.
func defaultJobTemplate(spec *batchv1.JobSpec) {
	defaultPodSpec(&spec.Template.Spec)
	if spec.PodFailurePolicy == nil {
		return
	}
	for i := range spec.PodFailurePolicy.Rules {
		for k := range spec.PodFailurePolicy.Rules[i].OnPodConditions {
			setDefault(&spec.PodFailurePolicy.Rules[i].OnPodConditions[k].Status, corev1.ConditionTrue)
		}
	}
}

// The labels by which a job finds its pods, in their older form, too.
const (
	oldJobNameLabel       = "job-name"
	oldControllerUIDLabel = "controller-uid"
)

// selectOwnPods gives a job that brings no selector of its own one that only its
// own pods can match. The labels are added to the template where the client has
// none of that name.
func selectOwnPods(job *batchv1.Job) {
	if *job.Spec.ManualSelector {
		return
	}
	set := job.Spec.Template.Labels // which may be the job's own as well
	if set == nil {
		set = map[string]string{}
	}
	for key, value := range map[string]string{
		oldJobNameLabel: job.Name, batchv1.JobNameLabel: job.Name,
		oldControllerUIDLabel: string(job.UID), batchv1.ControllerUidLabel: string(job.UID),
	} {
		if _, found := set[key]; !found {
			set[key] = value
		}
	}
	job.Spec.Template.Labels = set
	if len(job.Labels) == 0 {
		job.Labels = set
	}
	if job.Spec.Selector == nil {
		job.Spec.Selector = &metav1.LabelSelector{}
	}
	if job.Spec.Selector.MatchLabels == nil {
		job.Spec.Selector.MatchLabels = map[string]string{}
	}
	if _, found := job.Spec.Selector.MatchLabels[batchv1.ControllerUidLabel]; !found {
		job.Spec.Selector.MatchLabels[batchv1.ControllerUidLabel] = string(job.UID)
	}
}

func jobColumns() []api.Column {
	type job = *batchv1.Job
	return slices.Concat(
		table(
			text("Status", "Status of the job.", jobState),
			text("Completions", docs(batchv1.JobStatus{}, "succeeded"), jobCompletions),
			text("Duration", "Time required to complete the job.", jobDuration),
			api.AgeColumn(),
		),
		containersColumns(func(j job) *corev1.PodSpec { return &j.Spec.Template.Spec }),
		[]api.Column{wide(text("Selector", docs(batchv1.JobSpec{}, "selector"), func(j job) string {
			return selectorText(j.Spec.Selector)
		}))},
	)
}

// jobState is the most final thing that can be said of a job.
func jobState(job *batchv1.Job) string {
	switch {
	case jobIs(job, batchv1.JobComplete):
		return "Complete"
	case jobIs(job, batchv1.JobFailed):
		return "Failed"
	case job.DeletionTimestamp != nil:
		return "Terminating"
	case jobIs(job, batchv1.JobSuspended):
		return "Suspended"
	case jobIs(job, batchv1.JobFailureTarget):
		return "FailureTarget"
	case jobIs(job, batchv1.JobSuccessCriteriaMet):
		return "SuccessCriteriaMet"
	default:
		return "Running"
	}
}

// jobIs says whether a condition of the job is true.
func jobIs(job *batchv1.Job, condition batchv1.JobConditionType) bool {
	return slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == condition && c.Status == corev1.ConditionTrue
	})
}

func jobCompletions(job *batchv1.Job) string {
	switch {
	case job.Spec.Completions != nil:
		return fmt.Sprintf("%d/%d", job.Status.Succeeded, *job.Spec.Completions)
	case number(job.Spec.Parallelism) > 1:
		return fmt.Sprintf("%d/1 of %d", job.Status.Succeeded, *job.Spec.Parallelism)
	default:
		return fmt.Sprintf("%d/1", job.Status.Succeeded)
	}
}

func jobDuration(job *batchv1.Job) string {
	switch {
	case job.Status.StartTime == nil:
		return ""
	case job.Status.CompletionTime == nil:
		return duration.HumanDuration(time.Since(job.Status.StartTime.Time))
	default:
		return duration.HumanDuration(job.Status.CompletionTime.Sub(job.Status.StartTime.Time))
	}
}

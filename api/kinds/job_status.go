package kinds

import (
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A jobReport is a new status beside the one it is to replace. Whoever manages
// jobs, be it another controller (spec.managedBy), must tell their story right,
// so it is judged; but each rule only if something it is about has changed, for a
// change of the spec can make an old status wrong.
type jobReport struct {
	*judge
	job, old *batchv1.Job
	path     *field.Path
}

// is says that a condition is true, and turned that it is otherwise now.
func (r *jobReport) is(condition batchv1.JobConditionType) bool { return jobIs(r.job, condition) }

func (r *jobReport) was(condition batchv1.JobConditionType) bool { return jobIs(r.old, condition) }

func (r *jobReport) turned(condition batchv1.JobConditionType) bool {
	return r.is(condition) != r.was(condition)
}

func jobFinished(job *batchv1.Job) bool {
	return jobIs(job, batchv1.JobComplete) || jobIs(job, batchv1.JobFailed)
}

// conditions refuses conditions that do not go together.
func (r *jobReport) conditions(refused bool, detail string) {
	if refused {
		r.invalid(r.path.Child("conditions"), field.OmitValueType{}, detail)
	}
}

func checkJobStatus(j *judge, job, old *batchv1.Job) {
	r := &jobReport{judge: j, job: job, old: old, path: field.NewPath("status")}
	r.checkCounters()
	r.checkComplete()
	r.checkFinished()
	r.checkIndexes()
	r.checkRest()
	r.checkTransition()
}

func (r *jobReport) checkCounters() {
	status := &r.job.Status
	r.notNegative(r.path.Child("active"), int64(status.Active))
	r.notNegative(r.path.Child("succeeded"), int64(status.Succeeded))
	r.notNegative(r.path.Child("failed"), int64(status.Failed))
	checkReplicas(r.judge, status.Ready, r.path.Child("ready"))
	checkReplicas(r.judge, status.Terminating, r.path.Child("terminating"))
	if status.UncountedTerminatedPods == nil {
		return
	}
	seen, path := map[types.UID]bool{}, r.path.Child("uncountedTerminatedPods")
	count := func(name string, pods []types.UID) {
		for i, uid := range pods {
			switch {
			case uid == "":
				r.invalid(path.Child(name).Index(i), uid, "must not be empty")
			case seen[uid]:
				r.duplicate(path.Child(name).Index(i), uid)
			}
			seen[uid] = true
		}
	}
	count("succeeded", status.UncountedTerminatedPods.Succeeded)
	count("failed", status.UncountedTerminatedPods.Failed)
}

// checkComplete: what completes has met its criteria, and when.
func (r *jobReport) checkComplete() {
	status, was := &r.job.Status, &r.old.Status
	completed, failed := r.turned(batchv1.JobComplete), r.turned(batchv1.JobFailed)
	started, ended := !same(status.StartTime, was.StartTime), !same(status.CompletionTime, was.CompletionTime)
	complete, at := r.is(batchv1.JobComplete), r.path.Child("completionTime")

	r.conditions((completed || failed) && complete && r.is(batchv1.JobFailed),
		"cannot set Complete=True and Failed=true conditions")
	r.conditions((completed || r.turned(batchv1.JobFailureTarget)) && complete && r.is(batchv1.JobFailureTarget),
		"cannot set Complete=True and FailureTarget=true conditions")
	if (completed || ended) && status.CompletionTime != nil && !complete {
		r.invalid(at, status.CompletionTime, "cannot set completionTime when there is no Complete=True condition")
	}
	if (completed || ended) && status.CompletionTime == nil && complete {
		r.required(at, "completionTime is required for Complete jobs")
	}
	if (started || ended) && status.StartTime != nil && status.CompletionTime != nil && status.CompletionTime.Before(status.StartTime) {
		r.invalid(at, status.CompletionTime, "must be equal to or after `startTime`")
	}
	r.conditions((failed || !same(status.FailedIndexes, was.FailedIndexes)) && r.is(batchv1.JobFailed) && !r.is(batchv1.JobFailureTarget),
		"cannot set Failed=True condition without the FailureTarget=true condition")
	r.conditions((completed || r.turned(batchv1.JobSuccessCriteriaMet)) && complete && !r.is(batchv1.JobSuccessCriteriaMet),
		"cannot set Complete=True condition without the SuccessCriteriaMet=true condition")
}

// checkFinished: a job that is over has nothing under way.
func (r *jobReport) checkFinished() {
	status, was := &r.job.Status, &r.old.Status
	finished := jobFinished(r.job)
	turned := finished != jobFinished(r.old)
	if (turned || status.Active != was.Active) && finished && status.Active > 0 {
		r.invalid(r.path.Child("active"), status.Active, "active>0 is invalid for finished job")
	}
	neverRan := r.job.Spec.Suspend != nil && *r.job.Spec.Suspend && r.job.Spec.Completions != nil && *r.job.Spec.Completions == 0
	if (turned || !same(status.StartTime, was.StartTime)) && !neverRan && finished && status.StartTime == nil {
		r.required(r.path.Child("startTime"), "startTime is required for finished job")
	}
	uncounted := status.UncountedTerminatedPods
	if (turned || !same(uncounted, was.UncountedTerminatedPods)) && finished && uncounted != nil &&
		len(uncounted.Failed)+len(uncounted.Succeeded) > 0 {
		r.invalid(r.path.Child("uncountedTerminatedPods"), uncounted, "must be empty for finished job")
	}
}

func (r *jobReport) checkIndexes() {
	status, was, spec := &r.job.Status, &r.old.Status, &r.job.Spec
	completed, failed := status.CompletedIndexes != was.CompletedIndexes, !same(status.FailedIndexes, was.FailedIndexes)
	atCompleted, atFailed := r.path.Child("completedIndexes"), r.path.Child("failedIndexes")
	if completed && spec.Completions != nil {
		if _, err := parseIndexes(status.CompletedIndexes, *spec.Completions); err != nil {
			r.invalid(atCompleted, status.CompletedIndexes, fmt.Sprintf("error parsing completedIndexes: %s", err))
		}
	}
	if failed && spec.Completions != nil && spec.BackoffLimitPerIndex != nil && status.FailedIndexes != nil {
		if _, err := parseIndexes(*status.FailedIndexes, *spec.Completions); err != nil {
			r.invalid(atFailed, status.FailedIndexes, fmt.Sprintf("error parsing failedIndexes: %s", err))
		}
	}
	if completed && status.CompletedIndexes != "" && !isIndexed(spec) {
		r.invalid(atCompleted, status.CompletedIndexes, "cannot set non-empty completedIndexes when non-indexed completion mode")
	}
	if failed && spec.BackoffLimitPerIndex == nil && status.FailedIndexes != nil {
		r.invalid(atFailed, *status.FailedIndexes, "cannot set non-null failedIndexes when backoffLimitPerIndex is null")
	}
	if (completed || failed) && spec.Completions != nil && status.FailedIndexes != nil {
		if index, both := overlap(status.CompletedIndexes, *status.FailedIndexes, *spec.Completions); both {
			r.invalid(atFailed, *status.FailedIndexes, fmt.Sprintf("failedIndexes and completedIndexes overlap at index: %d", index))
		}
	}
}

func (r *jobReport) checkRest() {
	status, was := &r.job.Status, &r.old.Status
	finished := jobFinished(r.job)
	if (finished != jobFinished(r.old) || !same(status.Terminating, was.Terminating)) && finished && number(status.Terminating) > 0 {
		r.invalid(r.path.Child("terminating"), status.Terminating, "terminating>0 is invalid for finished job")
	}
	if (!same(status.Ready, was.Ready) || status.Active != was.Active) && status.Ready != nil && *status.Ready > status.Active {
		r.invalid(r.path.Child("ready"), *status.Ready, "cannot set more ready pods than active")
	}
	met := r.is(batchv1.JobSuccessCriteriaMet)
	r.conditions(met && r.is(batchv1.JobFailed), "cannot set SuccessCriteriaMet=True and Failed=true conditions")
	r.conditions(met && r.is(batchv1.JobFailureTarget), "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
	r.conditions(r.job.Spec.SuccessPolicy != nil && !met && r.is(batchv1.JobComplete),
		"cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True")
}

// checkTransition: what has happened cannot be undone.
func (r *jobReport) checkTransition() {
	status, was, spec := &r.job.Status, &r.old.Status, &r.job.Spec
	for _, final := range []batchv1.JobConditionType{batchv1.JobFailed, batchv1.JobComplete, batchv1.JobFailureTarget} {
		r.conditions(r.was(final) && !r.is(final), fmt.Sprintf("cannot disable the terminal %s=True condition", final))
	}
	if status.Failed < was.Failed {
		r.invalid(r.path.Child("failed"), status.Failed, "cannot decrease the failed counter")
	}
	scales := isIndexed(spec) && same(spec.Completions, spec.Parallelism)
	if !scales && status.Succeeded < was.Succeeded {
		r.invalid(r.path.Child("succeeded"), status.Succeeded, "cannot decrease the succeeded counter")
	}
	if status.CompletionTime != nil && was.CompletionTime != nil && !same(status.CompletionTime, was.CompletionTime) {
		r.invalid(r.path.Child("completionTime"), status.CompletionTime, "field is immutable")
	}
	suspended := spec.Suspend != nil && *spec.Suspend
	if was.StartTime != nil && !same(status.StartTime, was.StartTime) && !suspended && !r.resumes() {
		r.invalid(r.path.Child("startTime"), status.StartTime, "field is immutable for unsuspended job once set")
	}
	r.conditions(r.was(batchv1.JobSuccessCriteriaMet) && !r.is(batchv1.JobSuccessCriteriaMet),
		"cannot disable the SuccessCriteriaMet=True condition")
	r.conditions(r.was(batchv1.JobComplete) && !r.was(batchv1.JobSuccessCriteriaMet) && r.is(batchv1.JobSuccessCriteriaMet),
		"cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions")
}

// resumes says that the job was suspended and is, expressly, no longer.
func (r *jobReport) resumes() bool {
	return r.was(batchv1.JobSuspended) && slices.ContainsFunc(r.job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == batchv1.JobSuspended && c.Status == corev1.ConditionFalse
	})
}

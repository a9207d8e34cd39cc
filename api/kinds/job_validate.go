package kinds

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Limits of a job whose pods are numbered. They keep the lists of numbers in its
// status short enough to be stored.
const (
	maxIndexedParallelism = 100_000
	maxFailedIndexes      = 100_000
	manyCompletions       = 100_000
	maxOfMany             = 10_000
	maxManagedBy          = 63
)

func checkNewJob(j *judge, job *batchv1.Job) {
	checkOwnSelector(j, job, true)
	checkJobSpec(j, &job.Spec, field.NewPath("spec"))
	checkJobSelector(j, &job.Spec, field.NewPath("spec"))
	checkPodNames(j, job)
}

// checkOwnSelector sees that the selector that was made for a job is still what
// it was made to be: a client may have sent parts of it. Jobs older than the
// labels with a prefix lack these.
func checkOwnSelector(j *judge, job *batchv1.Job, prefixed bool) {
	if job.Spec.ManualSelector != nil && *job.Spec.ManualSelector || job.Spec.Selector == nil {
		return
	}
	uid, path := string(job.UID), field.NewPath("spec", "template", "metadata")
	expected := labels.Set{oldControllerUIDLabel: uid, oldJobNameLabel: job.Name}
	wanted := []string{oldControllerUIDLabel, oldJobNameLabel}
	if prefixed {
		expected[batchv1.ControllerUidLabel], expected[batchv1.JobNameLabel] = uid, job.Name
		wanted = append(wanted, batchv1.ControllerUidLabel, batchv1.JobNameLabel)
	}
	for _, key := range wanted {
		value, found := job.Spec.Template.Labels[key]
		if !found {
			j.required(path.Child("labels").Key(key), fmt.Sprintf("must be '%s'", expected[key]))
		} else if value != expected[key] {
			j.invalid(path.Child("labels").Key(key), job.Spec.Template.Labels, fmt.Sprintf("must be '%s'", expected[key]))
		}
	}
	if selector, err := metav1.LabelSelectorAsSelector(job.Spec.Selector); err == nil && !selector.Matches(expected) {
		j.invalid(field.NewPath("spec", "selector"), job.Spec.Selector, "`selector` not auto-generated")
	}
}

// checkPodNames: the pods of an indexed job have host names that end in their
// number.
func checkPodNames(j *judge, job *batchv1.Job) {
	if !isIndexed(&job.Spec) || number(job.Spec.Completions) <= 0 {
		return
	}
	longest := fmt.Sprintf("%s-%d", job.Name, *job.Spec.Completions-1)
	if len(validation.IsDNS1123Label(longest)) > 0 {
		j.invalid(field.NewPath("metadata", "name"), job.Name,
			fmt.Sprintf("will not able to create pod with invalid DNS label: %s", longest))
	}
}

func isIndexed(spec *batchv1.JobSpec) bool {
	return spec.CompletionMode != nil && *spec.CompletionMode == batchv1.IndexedCompletion
}

// checkJobSelector: a job must find the pods it makes.
func checkJobSelector(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	if spec.Selector == nil {
		j.required(path.Child("selector"), "")
	} else {
		checkSelector(j, spec.Selector, path.Child("selector"))
	}
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err == nil && !selector.Matches(labels.Set(spec.Template.Labels)) {
		j.invalid(path.Child("template", "metadata", "labels"), spec.Template.Labels, "`selector` does not match template `labels`")
	}
}

// checkJobSpec are the rules for a job and for one that a cron job will make.
func checkJobSpec(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	checkReplicas(j, spec.Parallelism, path.Child("parallelism"))
	checkReplicas(j, spec.Completions, path.Child("completions"))
	if spec.ActiveDeadlineSeconds != nil {
		j.notNegative(path.Child("activeDeadlineSeconds"), *spec.ActiveDeadlineSeconds)
	}
	checkReplicas(j, spec.BackoffLimit, path.Child("backoffLimit"))
	checkReplicas(j, spec.TTLSecondsAfterFinished, path.Child("ttlSecondsAfterFinished"))
	checkReplicas(j, spec.BackoffLimitPerIndex, path.Child("backoffLimitPerIndex"))
	checkReplicas(j, spec.MaxFailedIndexes, path.Child("maxFailedIndexes"))
	if spec.MaxFailedIndexes != nil && spec.BackoffLimitPerIndex == nil {
		j.required(path.Child("backoffLimitPerIndex"), "when maxFailedIndexes is specified")
	}
	if spec.ManagedBy != nil {
		j.add(validation.IsDomainPrefixedPath(path.Child("managedBy"), *spec.ManagedBy))
		if len(*spec.ManagedBy) > maxManagedBy {
			j.tooLong(path.Child("managedBy"), maxManagedBy)
		}
	}
	checkCompletionMode(j, spec, path)
	if spec.PodFailurePolicy != nil {
		checkPodFailurePolicy(j, spec, path.Child("podFailurePolicy"))
	}
	if spec.SuccessPolicy != nil {
		checkSuccessPolicy(j, spec, path.Child("successPolicy"))
	}
	checkReplacementPolicy(j, spec, path.Child("podReplacementPolicy"))
	j.unsupported(path.Child("scheduling"), spec.Scheduling != nil)
	checkTemplate(j, &spec.Template, path.Child("template"))
	checkEnds(j, spec, path.Child("template", "spec", "restartPolicy"))
}

// checkEnds: the pods of a job must be able to end.
func checkEnds(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	switch policy := spec.Template.Spec.RestartPolicy; {
	case policy == corev1.RestartPolicyAlways || policy == "":
		j.required(path, fmt.Sprintf("valid values: %q, %q", corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever))
	case policy != corev1.RestartPolicyNever && policy != corev1.RestartPolicyOnFailure:
		supported(j, path, policy, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	case spec.PodFailurePolicy != nil && policy != corev1.RestartPolicyNever:
		j.invalid(path, policy, fmt.Sprintf("only %q is supported when podFailurePolicy is specified", corev1.RestartPolicyNever))
	}
}

func checkCompletionMode(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	if spec.CompletionMode != nil {
		supported(j, path.Child("completionMode"), *spec.CompletionMode, batchv1.NonIndexedCompletion, batchv1.IndexedCompletion)
	}
	switch {
	case isIndexed(spec):
		checkIndexed(j, spec, path)
	case spec.CompletionMode == nil || *spec.CompletionMode == batchv1.NonIndexedCompletion:
		if spec.BackoffLimitPerIndex != nil {
			j.invalid(path.Child("backoffLimitPerIndex"), *spec.BackoffLimitPerIndex, "requires indexed completion mode")
		}
		if spec.MaxFailedIndexes != nil {
			j.invalid(path.Child("maxFailedIndexes"), *spec.MaxFailedIndexes, "requires indexed completion mode")
		}
	}
}

func checkIndexed(j *judge, spec *batchv1.JobSpec, path *field.Path) {
	failed, parallel := path.Child("maxFailedIndexes"), path.Child("parallelism")
	if spec.Completions == nil {
		j.required(path.Child("completions"), fmt.Sprintf("when completion mode is %s", batchv1.IndexedCompletion))
	}
	if n := number(spec.Parallelism); n > maxIndexedParallelism {
		j.invalid(parallel, n, fmt.Sprintf("must be less than or equal to %d when completion mode is %s",
			maxIndexedParallelism, batchv1.IndexedCompletion))
	}
	if n := number(spec.MaxFailedIndexes); spec.Completions != nil && n > *spec.Completions {
		j.invalid(failed, n, "must be less than or equal to completions")
	}
	if n := number(spec.MaxFailedIndexes); n > maxFailedIndexes {
		j.invalid(failed, n, fmt.Sprintf("must be less than or equal to %d", maxFailedIndexes))
	}
	if number(spec.Completions) <= manyCompletions || spec.BackoffLimitPerIndex == nil {
		return
	}
	if spec.MaxFailedIndexes == nil {
		j.required(failed, fmt.Sprintf("must be specified when completions is above %d", manyCompletions))
	}
	for _, limited := range []struct {
		path *field.Path
		n    int32
	}{{parallel, number(spec.Parallelism)}, {failed, number(spec.MaxFailedIndexes)}} {
		if limited.n > maxOfMany {
			j.invalid(limited.path, limited.n, fmt.Sprintf(
				"must be less than or equal to %d when completions are above %d and used with backoff limit per index",
				maxOfMany, manyCompletions))
		}
	}
}

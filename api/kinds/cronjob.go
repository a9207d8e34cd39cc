package kinds

import (
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func cronJobs() *api.Resource {
	type cronJob = *batchv1.CronJob
	return &api.Resource{
		GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("CronJob"),
		Plural:           "cronjobs",
		Singular:         "cronjob",
		ShortNames:       []string{"cj"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &batchv1.CronJob{} },
		NewList:          func() runtime.Object { return &batchv1.CronJobList{} },
		Default:          api.Do(defaultCronJob),
		ValidateCreate:   rule(checkNewCronJob),
		ValidateUpdate:   pairRule(checkCronJobUpdate),
		Warnings:         withNameWarning(templateWarnings(func(o *batchv1.CronJob) *corev1.PodTemplateSpec { return &o.Spec.JobTemplate.Spec.Template }, "spec", "jobTemplate", "spec", "template")),
		CopyStatus:       api.Pair(func(dst, src cronJob) { dst.Status = src.Status }),
		Generation:       true,
		Columns: slices.Concat(
			table(
				text("Schedule", docs(batchv1.CronJobSpec{}, "schedule"), func(c cronJob) string { return c.Spec.Schedule }),
				text("Timezone", docs(batchv1.CronJobSpec{}, "timeZone"), func(c cronJob) string {
					if c.Spec.TimeZone == nil {
						return none
					}
					return *c.Spec.TimeZone
				}),
				yesOrNo(text("Suspend", docs(batchv1.CronJobSpec{}, "suspend"), func(c cronJob) string {
					if c.Spec.Suspend != nil && *c.Spec.Suspend {
						return "True"
					}
					return "False"
				})),
				integer("Active", docs(batchv1.CronJobStatus{}, "active"), func(c cronJob) int64 { return int64(len(c.Status.Active)) }),
				text("Last Schedule", docs(batchv1.CronJobStatus{}, "lastScheduleTime"), func(c cronJob) string {
					if c.Status.LastScheduleTime == nil {
						return none
					}
					return api.Age(*c.Status.LastScheduleTime)
				}),
				api.AgeColumn(),
			),
			containersColumns(func(c cronJob) *corev1.PodSpec { return &c.Spec.JobTemplate.Spec.Template.Spec }),
			[]api.Column{wide(text("Selector", docs(batchv1.JobSpec{}, "selector"), func(c cronJob) string {
				return selectorText(c.Spec.JobTemplate.Spec.Selector)
			}))},
		),
	}
}

// defaultCronJob follows
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/.
func defaultCronJob(c *batchv1.CronJob) {
	setDefault(&c.Spec.ConcurrencyPolicy, batchv1.AllowConcurrent)
	setDefaultPtr(&c.Spec.Suspend, false)
	setDefaultPtr(&c.Spec.SuccessfulJobsHistoryLimit, 3)
	setDefaultPtr(&c.Spec.FailedJobsHistoryLimit, 1)
	defaultJobTemplate(&c.Spec.JobTemplate.Spec)
}

// yesOrNo declares a column of words to be one of truth values, as Kubernetes does.
func yesOrNo(c api.Column) api.Column {
	c.Type = "boolean"
	return c
}

package kinds

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxCronJobName leaves room, in a job's name, for when it was to run.
const maxCronJobName = 52

func checkNewCronJob(j *judge, c *batchv1.CronJob) {
	checkCronJob(j, c, nil)
	if len(c.Name) > maxCronJobName {
		j.invalid(field.NewPath("metadata", "name"), c.Name, "must be no more than 52 characters")
	}
}

func checkCronJobUpdate(j *judge, c, old *batchv1.CronJob) { checkCronJob(j, c, old) }

func checkCronJob(j *judge, c, old *batchv1.CronJob) {
	spec, path := &c.Spec, field.NewPath("spec")
	if j.filledLater(path.Child("schedule"), spec.Schedule) {
		checkSchedule(j, spec, old, path.Child("schedule"))
	}
	if spec.StartingDeadlineSeconds != nil {
		j.notNegative(path.Child("startingDeadlineSeconds"), *spec.StartingDeadlineSeconds)
	}
	if old == nil || !same(old.Spec.TimeZone, spec.TimeZone) {
		checkTimeZone(j, spec.TimeZone, path.Child("timeZone"))
	}
	oneOf(j, path.Child("concurrencyPolicy"), spec.ConcurrencyPolicy,
		batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent)
	inner := path.Child("jobTemplate", "spec")
	checkJobSpec(j, &spec.JobTemplate.Spec, inner)
	if spec.JobTemplate.Spec.Selector != nil {
		j.invalid(inner.Child("selector"), spec.JobTemplate.Spec.Selector, "`selector` will be auto-generated")
	}
	if manual := spec.JobTemplate.Spec.ManualSelector; manual != nil && *manual {
		j.add(field.ErrorList{field.NotSupported(inner.Child("manualSelector"), manual, []string{"nil", "false"})})
	}
	checkReplicas(j, spec.SuccessfulJobsHistoryLimit, path.Child("successfulJobsHistoryLimit"))
	checkReplicas(j, spec.FailedJobsHistoryLimit, path.Child("failedJobsHistoryLimit"))
}

// checkSchedule judges a schedule in the five fields of crontab(5), or one of
// the names such as @daily. A time zone has its own field; those that were in
// the schedule before there was one may stay.
func checkSchedule(j *judge, spec *batchv1.CronJobSpec, old *batchv1.CronJob, path *field.Path) {
	if err := parseSchedule(spec.Schedule); err != nil {
		j.invalid(path, spec.Schedule, err.Error())
	}
	if !strings.Contains(spec.Schedule, "TZ") {
		return
	}
	switch had := old != nil && strings.Contains(old.Spec.Schedule, "TZ"); {
	case !had:
		j.invalid(path, spec.Schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
	case spec.TimeZone != nil:
		j.invalid(path, spec.Schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")
	}
}

// parseSchedule outlives schedules that the parser does not, such as "TZ=0".
func parseSchedule(schedule string) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("invalid schedule format: %v", cause)
		}
	}()
	_, err = cron.ParseStandard(schedule)
	return err
}

// zonePart is a part of a time zone's name, as
// https://data.iana.org/time-zones/theory.html#naming has it, and older names.
const zonePart = `^[A-Za-z\.\-_0-9+]{1,14}$`

func checkTimeZone(j *judge, zone *string, path *field.Path) {
	if zone == nil {
		return
	}
	if *zone == "" {
		j.invalid(path, zone, "timeZone must be nil or non-empty string")
		return
	}
	valid := regexp.MustCompile(zonePart)
	for _, part := range strings.Split(*zone, "/") {
		if part == "." || part == ".." || strings.HasPrefix(part, "-") || !valid.MatchString(part) {
			j.invalid(path, zone, fmt.Sprintf("unknown time zone %s", *zone))
			return
		}
	}
	if strings.EqualFold(*zone, "Local") {
		j.invalid(path, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
	}
	if _, err := time.LoadLocation(*zone); err != nil {
		j.invalid(path, zone, err.Error())
	}
}

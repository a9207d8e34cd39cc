package kinds

import (
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

func daemonSets() *api.Resource {
	type daemonSet = *appsv1.DaemonSet
	return &api.Resource{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("DaemonSet"),
		Plural:           "daemonsets",
		Singular:         "daemonset",
		ShortNames:       []string{"ds"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &appsv1.DaemonSet{} },
		NewList:          func() runtime.Object { return &appsv1.DaemonSetList{} },
		Default:          api.Do(defaultDaemonSet),
		PrepareCreate:    api.Do(func(d daemonSet) { countTemplate(d, max(templateCount(d), 1)) }),
		PrepareUpdate: api.Pair(func(d, old daemonSet) {
			if same(d.Spec.Template, old.Spec.Template) {
				countTemplate(d, templateCount(old))
			} else {
				countTemplate(d, templateCount(old)+1)
			}
		}),
		PrepareStatus: api.Pair(func(d, old daemonSet) { countTemplate(d, templateCount(old)) }),
		Validate:      rule(checkDaemonSet),
		UpdateAlone:   true,
		ValidateUpdate: pairRule(func(j *judge, d, old daemonSet) {
			j.unchanged(field.NewPath("spec", "selector"), d.Spec.Selector, old.Spec.Selector)
			checkDaemonSet(j, d)
		}),
		ValidateStatus: pairRule(checkDaemonSetStatus),
		Warnings:       templateWarnings(func(o *appsv1.DaemonSet) *corev1.PodTemplateSpec { return &o.Spec.Template }, "spec", "template"),
		CopyStatus:     api.Pair(func(dst, src daemonSet) { dst.Status = src.Status }),
		Generation:     true,
		Columns:        daemonSetColumns(),
	}
}

// defaultDaemonSet follows
// https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/. Its pods have
// to go before others can come, unless they may stand beside each other.
func defaultDaemonSet(d *appsv1.DaemonSet) {
	strategy := &d.Spec.UpdateStrategy
	setDefault(&strategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if strategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if strategy.RollingUpdate == nil {
			strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		setDefaultPtr(&strategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		setDefaultPtr(&strategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
	setDefaultPtr(&d.Spec.RevisionHistoryLimit, 10)
	defaultPodSpec(&d.Spec.Template.Spec)
	if d.Annotations[appsv1.DeprecatedTemplateGeneration] == "" {
		countTemplate(d, 0) // who writes a daemon set without it owns it all the same
	}
}

// templateCount is how often the template has changed. It was a field once; pods
// of those days still have a label with it.
func templateCount(d *appsv1.DaemonSet) int64 {
	n, err := strconv.ParseInt(d.Annotations[appsv1.DeprecatedTemplateGeneration], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func countTemplate(d *appsv1.DaemonSet, n int64) {
	annotations := map[string]string{}
	maps.Copy(annotations, d.Annotations)
	annotations[appsv1.DeprecatedTemplateGeneration] = strconv.FormatInt(n, 10)
	d.Annotations = annotations
}

func checkDaemonSet(j *judge, d *appsv1.DaemonSet) {
	spec, path := &d.Spec, field.NewPath("spec")
	at, inner := path.Child("selector"), path.Child("template")
	if spec.Selector != nil {
		checkSelector(j, spec.Selector, at)
	}
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err == nil && !selector.Matches(labels.Set(spec.Template.Labels)) {
		j.invalid(inner.Child("metadata", "labels"), spec.Template.Labels, "`selector` does not match template `labels`")
	}
	if spec.Selector != nil && len(spec.Selector.MatchLabels)+len(spec.Selector.MatchExpressions) == 0 {
		j.invalid(at, spec.Selector, "empty selector is invalid for daemonset")
	}
	checkTemplate(j, &spec.Template, inner)
	checkKeepsRunning(j, "DaemonSet", &spec.Template, inner)
	j.notNegative(path.Child("minReadySeconds"), int64(spec.MinReadySeconds))
	checkDaemonStrategy(j, &spec.UpdateStrategy, path.Child("updateStrategy"))
	checkReplicas(j, spec.RevisionHistoryLimit, path.Child("revisionHistoryLimit"))
}

func checkDaemonStrategy(j *judge, s *appsv1.DaemonSetUpdateStrategy, path *field.Path) {
	rolling := path.Child("rollingUpdate")
	switch {
	case s.Type == appsv1.OnDeleteDaemonSetStrategyType:
	case s.Type != appsv1.RollingUpdateDaemonSetStrategyType:
		j.add(field.ErrorList{field.NotSupported(path, s, []appsv1.DaemonSetUpdateStrategyType{
			appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType,
		})})
	case s.RollingUpdate == nil || s.RollingUpdate.MaxUnavailable == nil || s.RollingUpdate.MaxSurge == nil:
		j.required(rolling, "")
	default:
		checkDaemonRolling(j, *s.RollingUpdate.MaxUnavailable, *s.RollingUpdate.MaxSurge, rolling)
	}
}

// checkDaemonRolling: of the old pod going first and the new one coming first,
// it must be one.
func checkDaemonRolling(j *judge, unavailable, surge intstr.IntOrString, path *field.Path) {
	missing := checkNumberOrPercent(j, unavailable, path.Child("maxUnavailable"))
	extra := checkNumberOrPercent(j, surge, path.Child("maxSurge"))
	checkAtMost100Percent(j, unavailable, path.Child("maxUnavailable"))
	checkAtMost100Percent(j, surge, path.Child("maxSurge"))
	switch {
	case missing != 0 && extra != 0:
		j.invalid(path.Child("maxSurge"), surge, "may not be set when maxUnavailable is non-zero")
	case missing == 0 && extra == 0:
		j.required(path.Child("maxUnavailable"), "cannot be 0 when maxSurge is 0")
	}
}

func checkDaemonSetStatus(j *judge, d, old *appsv1.DaemonSet) {
	status, path := &d.Status, field.NewPath("status")
	j.notNegative(path.Child("currentNumberScheduled"), int64(status.CurrentNumberScheduled))
	j.notNegative(path.Child("numberMisscheduled"), int64(status.NumberMisscheduled))
	j.notNegative(path.Child("desiredNumberScheduled"), int64(status.DesiredNumberScheduled))
	j.notNegative(path.Child("numberReady"), int64(status.NumberReady))
	j.notNegative(path.Child("observedGeneration"), status.ObservedGeneration)
	j.notNegative(path.Child("updatedNumberScheduled"), int64(status.UpdatedNumberScheduled))
	j.notNegative(path.Child("numberAvailable"), int64(status.NumberAvailable))
	j.notNegative(path.Child("numberUnavailable"), int64(status.NumberUnavailable))
	checkReplicas(j, status.CollisionCount, path.Child("collisionCount"))
	checkCollisions(j, status.CollisionCount, old.Status.CollisionCount)
}

func daemonSetColumns() []api.Column {
	type daemonSet = *appsv1.DaemonSet
	return slices.Concat(
		table(
			integer("Desired", docs(appsv1.DaemonSetStatus{}, "desiredNumberScheduled"), func(d daemonSet) int64 {
				return int64(d.Status.DesiredNumberScheduled)
			}),
			integer("Current", docs(appsv1.DaemonSetStatus{}, "currentNumberScheduled"), func(d daemonSet) int64 {
				return int64(d.Status.CurrentNumberScheduled)
			}),
			integer("Ready", docs(appsv1.DaemonSetStatus{}, "numberReady"), func(d daemonSet) int64 { return int64(d.Status.NumberReady) }),
			integer("Up-to-date", docs(appsv1.DaemonSetStatus{}, "updatedNumberScheduled"), func(d daemonSet) int64 {
				return int64(d.Status.UpdatedNumberScheduled)
			}),
			integer("Available", docs(appsv1.DaemonSetStatus{}, "numberAvailable"), func(d daemonSet) int64 {
				return int64(d.Status.NumberAvailable)
			}),
			text("Node Selector", docs(corev1.PodSpec{}, "nodeSelector"), func(d daemonSet) string {
				return labelText(d.Spec.Template.Spec.NodeSelector)
			}),
			api.AgeColumn(),
		),
		containersColumns(func(d daemonSet) *corev1.PodSpec { return &d.Spec.Template.Spec }),
		[]api.Column{wide(text("Selector", docs(appsv1.DaemonSetSpec{}, "selector"), func(d daemonSet) string {
			return selectorText(d.Spec.Selector)
		}))},
	)
}

package admission

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// maxPodsToCheck is how many pods of a namespace are looked at when its level
// is raised; the rest is not, and the writer is told so.
const maxPodsToCheck = 3000

// PodSecurity holds pods to the Pod Security Standard that the labels of their
// namespace choose (https://kubernetes.io/docs/concepts/security/pod-security-standards/):
//
//	pod-security.kubernetes.io/enforce: baseline   refuses pods
//	pod-security.kubernetes.io/warn: restricted    warns who writes them
//	pod-security.kubernetes.io/audit: restricted   notes them in the audit log
//
// Without labels everything goes. What the standards say comes from Kubernetes' own
// library; what is here is when they are asked. Pod templates, as in a Deployment,
// get warnings only.
type PodSecurity struct {
	objects   apiserver.Objects
	evaluator policy.Evaluator
}

// NewPodSecurity returns the hook.
func NewPodSecurity(objects apiserver.Objects) PodSecurity {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		panic("the library's own checks do not fit together: " + err.Error())
	}
	return PodSecurity{objects: objects, evaluator: evaluator}
}

// Mutate implements apiserver.Hook.
func (PodSecurity) Mutate(context.Context, *apiserver.Admission) error { return nil }

// Validate implements apiserver.Hook.
func (p PodSecurity) Validate(ctx context.Context, a *apiserver.Admission) error {
	if a.Operation != apiserver.Create && a.Operation != apiserver.Update {
		return nil
	}
	switch obj := a.Object.(type) {
	case *corev1.Namespace:
		return p.checkNamespace(ctx, a, obj)
	case *corev1.Pod:
		if old, ok := a.Old.(*corev1.Pod); a.Subresource == "status" || ok && !runsOther(obj, old) {
			return nil
		}
		return p.check(ctx, a, &obj.ObjectMeta, &obj.Spec, true)
	}
	if template := templateOf(a.Object); template != nil && a.Subresource == "" {
		return p.check(ctx, a, &template.ObjectMeta, &template.Spec, false)
	}
	return nil
}

// check asks for each of the namespace's levels. A pod that is refused is not
// warned about as well.
func (p PodSecurity) check(ctx context.Context, a *apiserver.Admission, meta *metav1.ObjectMeta, spec *corev1.PodSpec, enforce bool) error {
	namespace, err := typed.Get[*corev1.Namespace](ctx, p.objects, "", a.Namespace)
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("failed to lookup namespace %q", a.Namespace))
	}
	levels, broken := levelsOf(namespace)
	note := func(key, value string) { a.Annotate(podsecurity.AuditAnnotationPrefix+key, value) }
	if enforce {
		note(podsecurity.EnforcedPolicyAnnotationKey, levels.Enforce.String())
	}
	if levels.FullyPrivileged() && len(broken) == 0 {
		return nil
	}
	if len(broken) > 0 {
		note("error", fmt.Sprintf("Failed to parse policy: %v", broken.ToAggregate()))
	}
	if result := p.evaluate(levels.Audit, meta, spec); !result.Allowed {
		note(podsecurity.AuditViolationsAnnotationKey,
			fmt.Sprintf("would violate PodSecurity %q: %s", levels.Audit.String(), result.ForbiddenDetail()))
	}
	if enforce {
		if result := p.evaluate(levels.Enforce, meta, spec); !result.Allowed {
			return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
				fmt.Errorf("violates PodSecurity %q: %s", levels.Enforce.String(), result.ForbiddenDetail()))
		}
	}
	if result := p.evaluate(levels.Warn, meta, spec); !result.Allowed {
		a.Warn(fmt.Sprintf("would violate PodSecurity %q: %s", levels.Warn.String(), result.ForbiddenDetail()))
	}
	return nil
}

func (p PodSecurity) evaluate(level podsecurity.LevelVersion, meta *metav1.ObjectMeta, spec *corev1.PodSpec) policy.AggregateCheckResult {
	return policy.AggregateCheckResults(p.evaluator.EvaluatePod(level, meta, spec))
}

// levelsOf reads a namespace's labels. Those that make no sense count as the
// strictest.
func levelsOf(namespace *corev1.Namespace) (podsecurity.Policy, field.ErrorList) {
	open := podsecurity.LevelVersion{Level: podsecurity.LevelPrivileged, Version: podsecurity.LatestVersion()}
	return podsecurity.PolicyToEvaluate(namespace.Labels, podsecurity.Policy{Enforce: open, Audit: open, Warn: open})
}

// checkNamespace refuses labels that make no sense, and warns who raises the
// level of a namespace of the pods that are in it already.
func (p PodSecurity) checkNamespace(ctx context.Context, a *apiserver.Admission, namespace *corev1.Namespace) error {
	if a.Subresource != "" {
		return nil
	}
	levels, broken := levelsOf(namespace)
	old, _ := a.Old.(*corev1.Namespace)
	if old == nil {
		return invalidLabels(a, namespace, broken)
	}
	was, brokenBefore := levelsOf(old)
	if len(broken) > 0 && !reflect.DeepEqual(broken, brokenBefore) {
		return invalidLabels(a, namespace, broken)
	}
	raised := levels.Enforce != was.Enforce && levels.Enforce.Level != podsecurity.LevelPrivileged &&
		(levels.Enforce.Version != was.Enforce.Version || podsecurity.CompareLevels(levels.Enforce.Level, was.Enforce.Level) > 0)
	if !raised {
		return nil
	}
	return p.warnOfPods(ctx, a, levels.Enforce)
}

func invalidLabels(a *apiserver.Admission, namespace *corev1.Namespace, broken field.ErrorList) error {
	if len(broken) == 0 {
		return nil
	}
	return apierrors.NewInvalid(a.Resource.GroupVersionKind.GroupKind(), namespace.Name, broken)
}

// warnOfPods tells which pods of a namespace would not be let in any more.
func (p PodSecurity) warnOfPods(ctx context.Context, a *apiserver.Admission, level podsecurity.LevelVersion) error {
	pods, err := typed.List[*corev1.Pod](ctx, p.objects, a.Name)
	if err != nil {
		a.Warn("failed to list pods while checking new PodSecurity enforce level")
		return nil
	}
	total := len(pods)
	pods = onePerOwnerFirst(pods)
	if total > maxPodsToCheck {
		pods = pods[:maxPodsToCheck]
		a.Warn(fmt.Sprintf("new PodSecurity enforce level only checked against the first %d of %d existing pods", maxPodsToCheck, total))
	}
	violators := map[string][]string{} // names of pods by what is wrong
	for _, pod := range pods {
		if result := p.evaluate(level, &pod.ObjectMeta, &pod.Spec); !result.Allowed {
			violators[result.ForbiddenReason()] = append(violators[result.ForbiddenReason()], pod.Name)
		}
	}
	if len(violators) == 0 {
		return nil
	}
	a.Warn(fmt.Sprintf("existing pods in namespace %q violate the new PodSecurity enforce level %q", a.Name, level.String()))
	var texts []string
	for why, names := range violators {
		texts = append(texts, withOthers(names)+": "+why)
	}
	slices.Sort(texts)
	for _, text := range texts {
		a.Warn(text)
	}
	return nil
}

// withOthers writes "web-1 (and 2 other pods)".
func withOthers(names []string) string {
	first := slices.Min(names)
	switch len(names) {
	case 1:
		return first
	case 2:
		return first + " (and 1 other pod)"
	}
	return fmt.Sprintf("%s (and %d other pods)", first, len(names)-1)
}

// onePerOwnerFirst puts first one pod of each controller: the others are its copies.
func onePerOwnerFirst(pods []*corev1.Pod) []*corev1.Pod {
	var first, copies []*corev1.Pod
	seen := map[types.UID]bool{}
	for _, pod := range pods {
		owner := metav1.GetControllerOfNoCopy(pod)
		if owner != nil && seen[owner.UID] {
			copies = append(copies, pod)
			continue
		}
		if owner != nil {
			seen[owner.UID] = true
		}
		first = append(first, pod)
	}
	return append(first, copies...)
}

// runsOther says whether an update changes what a pod runs, which is all in it that
// the standards look at and that can change.
func runsOther(pod, old *corev1.Pod) bool {
	return images(pod) != images(old)
}

func images(pod *corev1.Pod) string {
	var all []string
	for _, c := range pod.Spec.InitContainers {
		all = append(all, c.Image)
	}
	all = append(all, "")
	for _, c := range pod.Spec.Containers {
		all = append(all, c.Image)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		all = append(all, c.Name+" "+c.Image)
	}
	return strings.Join(all, "\n")
}

// templateOf returns the pod template of a kind that has one, or nil.
func templateOf(obj api.Object) *corev1.PodTemplateSpec {
	switch obj := obj.(type) {
	case *corev1.PodTemplate:
		return &obj.Template
	case *corev1.ReplicationController:
		return obj.Spec.Template
	case *appsv1.ReplicaSet:
		return &obj.Spec.Template
	case *appsv1.Deployment:
		return &obj.Spec.Template
	case *appsv1.DaemonSet:
		return &obj.Spec.Template
	case *appsv1.StatefulSet:
		return &obj.Spec.Template
	case *batchv1.Job:
		return &obj.Spec.Template
	case *batchv1.CronJob:
		return &obj.Spec.JobTemplate.Spec.Template
	}
	return nil
}

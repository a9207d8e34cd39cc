package kinds

import (
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkPodUpdate: a pod that runs stays as it is, but for a few wishes the
// kubelet can follow.
func checkPodUpdate(j *judge, pod, old *corev1.Pod) {
	spec := field.NewPath("spec")
	stop := false
	for _, part := range []struct {
		name     string
		now, was []corev1.Container
	}{
		{"containers", pod.Spec.Containers, old.Spec.Containers},
		{"initContainers", pod.Spec.InitContainers, old.Spec.InitContainers},
	} {
		if len(part.now) != len(part.was) {
			j.forbidden(spec.Child(part.name), "pod updates may not add or remove containers")
			stop = true
		}
	}
	if stop {
		return
	}
	checkDeadlineUpdate(j, pod, old, spec.Child("activeDeadlineSeconds"))
	checkTolerationsUpdate(j, pod, old, spec.Child("tolerations"))
	checkGatesUpdate(j, pod, old, spec.Child("schedulingGates"))
	checkRestUnchanged(j, pod, old, spec)
}

// checkRestUnchanged compares the specs after it has undone what may change.
func checkRestUnchanged(j *judge, pod, old *corev1.Pod, path *field.Path) {
	rest, was := pod.Spec.DeepCopy(), &old.Spec
	for i := range rest.Containers {
		rest.Containers[i].Image = was.Containers[i].Image
	}
	for i := range rest.InitContainers {
		rest.InitContainers[i].Image = was.InitContainers[i].Image
	}
	rest.ActiveDeadlineSeconds = was.ActiveDeadlineSeconds
	rest.Tolerations = was.Tolerations
	rest.SchedulingGates = was.SchedulingGates
	if grace := was.TerminationGracePeriodSeconds; grace != nil && *grace < 0 &&
		rest.TerminationGracePeriodSeconds != nil && *rest.TerminationGracePeriodSeconds == 1 {
		rest.TerminationGracePeriodSeconds = grace
	}
	if len(was.SchedulingGates) > 0 {
		tightenSelector(j, rest, was, path.Child("nodeSelector"))
	}
	if !same(rest, was) {
		j.forbidden(path, "pod updates may not change fields other than "+strings.Join([]string{
			"`spec.containers[*].image`",
			"`spec.initContainers[*].image`",
			"`spec.activeDeadlineSeconds`",
			"`spec.tolerations` (only additions to existing tolerations)",
			"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
		}, ","))
	}
}

// tightenSelector lets a pod that is not scheduled yet, since a gate keeps it,
// ask for more of its node.
func tightenSelector(j *judge, rest, was *corev1.PodSpec, path *field.Path) {
	for _, key := range sortedKeys(was.NodeSelector) {
		if value, ok := rest.NodeSelector[key]; !ok || value != was.NodeSelector[key] {
			j.invalid(path, rest.NodeSelector, "only additions to spec.nodeSelector are allowed (no mutations or deletions)")
			break
		}
	}
	rest.NodeSelector = was.NodeSelector
}

func checkDeadlineUpdate(j *judge, pod, old *corev1.Pod, path *field.Path) {
	now, was := pod.Spec.ActiveDeadlineSeconds, old.Spec.ActiveDeadlineSeconds
	switch {
	case now == nil && was != nil:
		j.invalid(path, now, "must not update from a positive integer to nil value")
	case now == nil:
	case *now < 0 || *now > math.MaxInt32:
		j.invalid(path, *now, validation.InclusiveRangeError(0, math.MaxInt32))
	case was != nil && *now > *was:
		j.invalid(path, *now, "must be less than or equal to previous value")
	}
}

func checkTolerationsUpdate(j *judge, pod, old *corev1.Pod, path *field.Path) {
	for _, was := range old.Spec.Tolerations {
		kept := slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool {
			t.TolerationSeconds = was.TolerationSeconds
			return t == was
		})
		if !kept {
			j.forbidden(path, "existing toleration can not be modified except its tolerationSeconds")
			return
		}
	}
}

func checkGatesUpdate(j *judge, pod, old *corev1.Pod, path *field.Path) {
	for i, gate := range pod.Spec.SchedulingGates {
		if !slices.Contains(old.Spec.SchedulingGates, gate) {
			j.forbidden(path.Index(i).Child("name"),
				fmt.Sprintf("only deletion is allowed, but found new scheduling gate '%s'", gate.Name))
		}
	}
}

// checkObserved judges the generation that a report of a pod speaks of.
func checkObserved(j *judge, generation int64, status *field.Path) {
	if generation < 0 {
		j.invalid(status.Child("observedGeneration"), generation, "must be a non-negative integer")
	}
}

// checkPodStatus judges what a kubelet or a scheduler reports.
func checkPodStatus(j *judge, pod, old *corev1.Pod) {
	status := field.NewPath("status")
	j.unchanged(status.Child("qosClass"), pod.Status.QOSClass, old.Status.QOSClass)
	if name := pod.Status.NominatedNodeName; name != "" && name != old.Status.NominatedNodeName {
		j.subdomain(status.Child("nominatedNodeName"), name)
		if old.Spec.NodeName != "" {
			j.forbidden(status.Child("nominatedNodeName"), "may not be set on pods that are already bound to a node")
		}
	}
	checkObserved(j, pod.Status.ObservedGeneration, status)
	for i, condition := range pod.Status.Conditions {
		path := status.Child("conditions").Index(i)
		j.qualified(path.Child("Type"), string(condition.Type))
		checkObserved(j, condition.ObservedGeneration, path)
	}
	for i, ip := range pod.Status.PodIPs {
		checkIP(j, ip.IP, status.Child("podIPs").Index(i).Child("ip"))
	}
	checkStaysTerminated(j, pod, old, status.Child("containerStatuses"))
}

// checkStaysTerminated: a container that ended, and is not to be restarted,
// does not come back to life.
func checkStaysTerminated(j *judge, pod, old *corev1.Pod, path *field.Path) {
	policy := old.Spec.RestartPolicy
	if policy == corev1.RestartPolicyAlways {
		return
	}
	for i, was := range old.Status.ContainerStatuses {
		end := was.State.Terminated
		if end == nil || end.ExitCode != 0 && policy == corev1.RestartPolicyOnFailure {
			continue
		}
		for _, now := range pod.Status.ContainerStatuses {
			if now.Name == was.Name && now.State.Terminated == nil {
				j.forbidden(path.Index(i).Child("state"), "may not be transitioned to non-terminated state")
			}
		}
	}
}

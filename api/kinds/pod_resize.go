package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// resize is the path by which the containers of a pod get more or less CPU and
// memory while they run (KEP-1287). Whether that can be is for the pod's kubelet
// to say, which shows in its reports what each container has; a running pod
// whose kubelet does not is refused.
func resize() api.Part {
	return api.Part{
		Name:     "resize",
		Copy:     api.Pair(copyNeeds),
		Validate: pairRule(checkResize),
	}
}

// copyNeeds makes the needs of src's containers those of dst's. Other containers
// than there are, are taken over as they are, for checkResize to refuse.
func copyNeeds(dst, src *corev1.Pod) {
	dst.Spec.Containers = withNeeds(dst.Spec.Containers, src.Spec.Containers)
	dst.Spec.InitContainers = withNeeds(dst.Spec.InitContainers, src.Spec.InitContainers)
}

func withNeeds(containers, from []corev1.Container) []corev1.Container {
	if !sameNames(containers, from) {
		return from
	}
	for i := range containers {
		containers[i].Resources, containers[i].ResizePolicy = from[i].Resources, from[i].ResizePolicy
	}
	return containers
}

func sameNames(a, b []corev1.Container) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

func checkResize(j *judge, pod, old *corev1.Pod) {
	spec := field.NewPath("spec")
	if isMirror(old) {
		j.forbidden(field.NewPath(""), "static pods cannot be resized")
		return
	}
	checkPod(j, pod)
	if old.Status.QOSClass != QOSClass(&pod.Spec) {
		j.invalid(spec, pod.Status.QOSClass, "Pod QOS Class may not change as a result of resizing")
	}
	if !reportsNeeds(old) {
		j.forbidden(spec, "Pod running on node without support for resize")
	}
	sound := checkSameContainers(j, pod.Spec.Containers, old.Spec.Containers, "containers")
	if !checkSameContainers(j, pod.Spec.InitContainers, old.Spec.InitContainers, "initContainers") || !sound {
		return
	}
	for i := range old.Spec.InitContainers {
		checkNeedsKept(j, &pod.Spec.InitContainers[i], &old.Spec.InitContainers[i], spec.Child("initContainers").Index(i))
	}
	for i := range old.Spec.Containers {
		checkNeedsKept(j, &pod.Spec.Containers[i], &old.Spec.Containers[i], spec.Child("containers").Index(i))
	}
	for i := range old.Spec.Containers {
		if otherNeedsChanged(&pod.Spec.Containers[i], &old.Spec.Containers[i]) {
			j.forbidden(spec, "only cpu and memory resources are mutable")
		}
	}
	for i := range old.Spec.InitContainers {
		checkInitResize(j, &pod.Spec.InitContainers[i], &old.Spec.InitContainers[i], spec.Child("initContainers").Index(i))
	}
}

// reportsNeeds says whether the pod's kubelet can resize it. Of a pod that does
// not run yet that is not known, and it may.
func reportsNeeds(pod *corev1.Pod) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil {
			return c.Resources != nil
		}
	}
	return true
}

func checkSameContainers(j *judge, now, was []corev1.Container, name string) bool {
	path := field.NewPath("spec", name)
	if len(now) != len(was) {
		j.forbidden(path, name+" may not be added or removed on resize")
		return false
	}
	for i := range was {
		if now[i].Name != was[i].Name {
			j.forbidden(path.Index(i).Child("name"), name+" may not be renamed or reordered on resize")
		}
	}
	return sameNames(now, was)
}

// checkNeedsKept: what a container has asked for it goes on asking for, be it
// more or less.
func checkNeedsKept(j *judge, c, was *corev1.Container, path *field.Path) {
	if lacks(c.Resources.Requests, was.Resources.Requests) {
		j.forbidden(path.Child("resources", "requests"), "resource requests cannot be removed")
	}
	if lacks(c.Resources.Limits, was.Resources.Limits) {
		j.forbidden(path.Child("resources", "limits"), "resource limits cannot be removed")
	}
}

func lacks(now, was corev1.ResourceList) bool {
	for name := range was {
		if _, there := now[name]; !there {
			return true
		}
	}
	return false
}

// otherNeedsChanged says whether two containers differ in anything but their
// CPU and memory.
func otherNeedsChanged(c, was *corev1.Container) bool {
	rest := c.DeepCopy()
	restoreNeeds(&rest.Resources.Limits, was.Resources.Limits)
	restoreNeeds(&rest.Resources.Requests, was.Resources.Requests)
	return !same(rest, was)
}

// restoreNeeds makes the CPU and memory of a list another's.
func restoreNeeds(list *corev1.ResourceList, from corev1.ResourceList) {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		delete(*list, name)
		if q, there := from[name]; there {
			if *list == nil {
				*list = corev1.ResourceList{}
			}
			(*list)[name] = q
		}
	}
}

func checkInitResize(j *judge, c, was *corev1.Container, path *field.Path) {
	if otherNeedsChanged(c, was) {
		j.forbidden(path, "only cpu and memory resources for init or sidecar containers are mutable")
	}
	sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	if sidecar || same(c, was) {
		return
	}
	for _, policy := range c.ResizePolicy {
		if policy.RestartPolicy == corev1.RestartContainer {
			j.forbidden(path, "non-sidecar init containers with a resize policy of RestartContainer cannot be resized")
		}
	}
}

// checkResizePolicy judges what is to happen to a container that is resized.
func checkResizePolicy(j *judge, policies []corev1.ContainerResizePolicy, spec *corev1.PodSpec, path *field.Path) {
	seen := map[corev1.ResourceName]bool{}
	for i, p := range policies {
		if seen[p.ResourceName] {
			j.duplicate(path.Index(i), p.ResourceName)
		}
		seen[p.ResourceName] = true
		oneOf(j, path, p.ResourceName, corev1.ResourceCPU, corev1.ResourceMemory)
		oneOf(j, path, p.RestartPolicy, corev1.NotRequired, corev1.RestartContainer)
		if spec.RestartPolicy == corev1.RestartPolicyNever && p.RestartPolicy != corev1.NotRequired {
			j.invalid(path, p.RestartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")
		}
	}
}

package kinds

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// ephemeralContainers is the path by which a pod that runs gets containers to
// look into it: kubectl debug (KEP-277). They cannot be taken away again.
func ephemeralContainers() api.Part {
	return api.Part{
		Name: "ephemeralcontainers",
		Copy: api.Pair(func(dst, src *corev1.Pod) { dst.Spec.EphemeralContainers = src.Spec.EphemeralContainers }),
		Validate: pairRule(func(j *judge, pod, old *corev1.Pod) {
			if isMirror(old) {
				j.forbidden(field.NewPath(""), "static pods do not support ephemeral containers")
				return
			}
			checkPod(j, pod)
			checkEphemeralUpdate(j, pod.Spec.EphemeralContainers, old.Spec.EphemeralContainers)
		}),
	}
}

// isMirror says whether the pod only shows what a kubelet runs on its own account.
func isMirror(pod *corev1.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

func checkEphemeralUpdate(j *judge, now, was []corev1.EphemeralContainer) {
	path := field.NewPath("spec", "ephemeralContainers")
	byName := map[string]*corev1.EphemeralContainer{}
	for i := range now {
		byName[now[i].Name] = &now[i]
	}
	for i := range was {
		switch c := byName[was[i].Name]; {
		case c == nil:
			j.forbidden(path, fmt.Sprintf("existing ephemeral containers %q may not be removed\n", was[i].Name))
		case !same(*c, was[i]):
			j.forbidden(path, fmt.Sprintf("existing ephemeral containers %q may not be changed\n", was[i].Name))
		}
	}
}

// checkEphemeralContainers judges containers that nothing may depend on: they
// serve no ports, are not probed, and own no share of the node.
func checkEphemeralContainers(j *judge, spec *corev1.PodSpec, volumes volumeSet, path *field.Path) {
	others := map[string]bool{}
	for _, c := range spec.Containers {
		others[c.Name] = true
	}
	for _, c := range spec.InitContainers {
		others[c.Name] = true
	}
	names := nameSet{}
	for name := range others {
		names[name] = true
	}
	for i := range spec.EphemeralContainers {
		e, at := &spec.EphemeralContainers[i], path.Index(i)
		c := corev1.Container(e.EphemeralContainerCommon)
		checkContainer(j, &c, volumes, at)
		checkImageSpaces(j, c.Image, at)
		names.unique(j, at.Child("name"), c.Name)
		if target := e.TargetContainerName; target != "" && !others[target] {
			j.notFound(at.Child("targetContainerName"), target)
		}
		checkOnlyLooks(j, &c, at)
	}
}

func checkOnlyLooks(j *judge, c *corev1.Container, path *field.Path) {
	const detail = "cannot be set for an Ephemeral Container"
	for _, part := range []struct {
		name  string
		given bool
	}{
		{"ports", len(c.Ports) > 0},
		{"resources", !same(c.Resources, corev1.ResourceRequirements{})},
		{"resizePolicy", len(c.ResizePolicy) > 0},
		{"restartPolicy", c.RestartPolicy != nil},
		{"livenessProbe", c.LivenessProbe != nil},
		{"readinessProbe", c.ReadinessProbe != nil},
		{"startupProbe", c.StartupProbe != nil},
		{"lifecycle", c.Lifecycle != nil},
	} {
		if part.given {
			j.forbidden(path.Child(part.name), detail)
		}
	}
	for i, mount := range c.VolumeMounts {
		if mount.SubPath != "" {
			j.forbidden(path.Child("volumeMounts").Index(i).Child("subPath"), detail)
		}
		if mount.SubPathExpr != "" {
			j.forbidden(path.Child("volumeMounts").Index(i).Child("subPathExpr"), detail)
		}
	}
}

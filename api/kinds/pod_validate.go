package kinds

import (
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The rules of a pod's spec are many; each part has its file:
//
//	container_validate.go  containers, their ports and mounts
//	container_env.go       environment variables
//	container_probe.go     probes and lifecycle hooks
//	volume_validate.go     volumes
//	resources.go           requests and limits
//	pod_security.go        security contexts
//	pod_schedule.go        selectors, affinity, tolerations, spreading
//	pod_network.go         DNS, host names, host ports
//	pod_update.go          what may change afterwards

func checkPod(j *judge, pod *corev1.Pod) {
	spec := field.NewPath("spec")
	checkPodAnnotations(j, pod)
	checkPodSpec(j, &pod.Spec, spec, inPod)

	// What follows is asked of pods alone: templates with such faults exist.
	for i, c := range pod.Spec.Containers {
		checkImageSpaces(j, c.Image, spec.Child("containers").Index(i))
	}
	for i, c := range pod.Spec.InitContainers {
		checkImageSpaces(j, c.Image, spec.Child("initContainers").Index(i))
	}
	if pod.Spec.ServiceAccountName == "" {
		checkNoTokens(j, pod.Spec.Volumes, spec.Child("volumes"))
	}
	if pod.Spec.NodeName != "" && len(pod.Spec.SchedulingGates) > 0 {
		j.forbidden(spec.Child("nodeName"), "cannot be set until all schedulingGates have been cleared")
	}
}

// checkNewPod is asked of a pod that is created.
func checkNewPod(j *judge, pod *corev1.Pod) {
	if len(pod.Spec.EphemeralContainers) > 0 {
		j.forbidden(field.NewPath("spec", "ephemeralContainers"), "cannot be set on create")
	}
}

func checkPodAnnotations(j *judge, pod *corev1.Pod) {
	path := field.NewPath("metadata", "annotations")
	if mirror, ok := pod.Annotations[corev1.MirrorPodAnnotationKey]; ok && pod.Spec.NodeName == "" {
		j.invalid(path.Key(corev1.MirrorPodAnnotationKey), mirror, "must set spec.nodeName if mirror pod annotation is set")
	}
	if cost, ok := pod.Annotations[corev1.PodDeletionCost]; ok {
		if _, err := strconv.ParseInt(cost, 10, 32); err != nil || strings.HasPrefix(cost, "+") || cost != "0" && strings.HasPrefix(cost, "0") {
			j.invalid(path.Key(corev1.PodDeletionCost), cost, "must be a 32bit integer")
		}
	}
}

func checkImageSpaces(j *judge, image string, path *field.Path) {
	if image != strings.TrimSpace(image) {
		j.invalid(path.Child("image"), image, "must not have leading or trailing whitespace")
	}
}

func checkNoTokens(j *judge, volumes []corev1.Volume, path *field.Path) {
	for i, v := range volumes {
		if v.Projected == nil {
			continue
		}
		for k, source := range v.Projected.Sources {
			if source.ServiceAccountToken != nil {
				j.forbidden(path.Index(i).Child("projected", "sources").Index(k).Child("serviceAccountToken"),
					"must not be specified when serviceAccountName is not set")
			}
		}
	}
}

// checkTemplate judges a pod in the making, as a deployment holds it.
func checkTemplate(j *judge, t *corev1.PodTemplateSpec, path *field.Path) {
	j.add(metavalidation.ValidateLabels(t.Labels, path.Child("labels")))
	j.add(apivalidation.ValidateAnnotations(t.Annotations, path.Child("annotations")))
	checkPodSpec(j, &t.Spec, path.Child("spec"), inTemplate)
	if len(t.Spec.EphemeralContainers) > 0 {
		j.forbidden(path.Child("spec", "ephemeralContainers"), "ephemeral containers not allowed in pod template")
	}
}

// A home says where a pod's spec stands.
type home int

const (
	inPod home = iota
	inTemplate
)

func checkPodSpec(j *judge, spec *corev1.PodSpec, path *field.Path, where home) {
	if spec.TerminationGracePeriodSeconds == nil {
		j.required(path.Child("terminationGracePeriodSeconds"), "")
	}
	volumes := checkVolumes(j, spec.Volumes, path.Child("volumes"))
	checkContainers(j, spec, volumes, path)
	checkPodNetwork(j, spec, path, where)
	checkPodScheduling(j, spec, path)
	checkPodSecurity(j, spec, path)

	oneOf(j, path.Child("restartPolicy"), spec.RestartPolicy,
		corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	oneOf(j, path.Child("dnsPolicy"), spec.DNSPolicy, corev1.DNSClusterFirstWithHostNet,
		corev1.DNSClusterFirst, corev1.DNSDefault, corev1.DNSNone)
	checkDNSConfig(j, spec, path.Child("dnsConfig"))
	if deadline := spec.ActiveDeadlineSeconds; deadline != nil {
		j.between(path.Child("activeDeadlineSeconds"), *deadline, 1, math.MaxInt32)
	}
	if spec.ServiceAccountName != "" {
		j.subdomain(path.Child("serviceAccountName"), spec.ServiceAccountName)
	}
	if spec.RuntimeClassName != nil {
		j.subdomain(path.Child("runtimeClassName"), *spec.RuntimeClassName)
	}
	for i, gate := range spec.ReadinessGates {
		j.qualified(path.Child("readinessGates").Index(i).Child("conditionType"), string(gate.ConditionType))
	}
	for _, name := range sortedKeys(spec.Overhead) {
		checkContainerResourceName(j, name, path.Child("overhead").Key(string(name)))
		checkQuantity(j, name, spec.Overhead[name], path.Child("overhead").Key(string(name)))
	}
	checkPodOS(j, spec, path)
	j.unsupported(path.Child("resources"), spec.Resources != nil)
	j.unsupported(path.Child("resourceClaims"), len(spec.ResourceClaims) > 0)
}

func checkPodOS(j *judge, spec *corev1.PodSpec, path *field.Path) {
	if spec.OS == nil {
		return
	}
	if spec.OS.Name == "" {
		j.required(path.Child("os", "name"), "")
	} else {
		supported(j, path.Child("os"), spec.OS.Name, corev1.Linux, corev1.Windows)
	}
	j.unsupported(path.Child("os", "name"), spec.OS.Name == corev1.Windows)
}

// checkContainers judges the containers of both sorts, whose names and host
// ports must not clash.
func checkContainers(j *judge, spec *corev1.PodSpec, volumes volumeSet, path *field.Path) {
	containers, inits := path.Child("containers"), path.Child("initContainers")
	if len(spec.Containers) == 0 {
		j.required(containers, "")
	}
	names := nameSet{}
	for i := range spec.Containers {
		c, path := &spec.Containers[i], containers.Index(i)
		names.unique(j, path.Child("name"), c.Name)
		checkContainer(j, c, volumes, path)
		checkResizePolicy(j, c.ResizePolicy, spec, path.Child("resizePolicy"))
		checkContainerRuns(j, c, spec, path)
		j.unsupported(path.Child("restartPolicy"), c.RestartPolicy != nil)
	}
	for i := range spec.InitContainers {
		c, path := &spec.InitContainers[i], inits.Index(i)
		names.unique(j, path.Child("name"), c.Name)
		checkContainer(j, c, volumes, path)
		checkInitContainer(j, c, spec, path)
		checkResizePolicy(j, c.ResizePolicy, spec, path.Child("resizePolicy"))
		// Init containers run one after the other.
		checkHostPorts(j, []corev1.Container{*c}, inits)
	}
	checkHostPorts(j, spec.Containers, containers)
	checkEphemeralContainers(j, spec, volumes, path.Child("ephemeralContainers"))
}

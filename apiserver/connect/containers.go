package connect

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// container returns the name of the container that a request means: the one it
// names, or the only one. (kubectl looks at the annotation
// kubectl.kubernetes.io/default-container by itself.)
func container(pod *corev1.Pod, asked string) (string, error) {
	var names, initNames, ephemeral []string
	for _, c := range pod.Spec.Containers {
		names = append(names, c.Name)
	}
	for _, c := range pod.Spec.InitContainers {
		initNames = append(initNames, c.Name)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		ephemeral = append(ephemeral, c.Name)
	}
	switch {
	case asked == "" && len(names) == 1:
		return names[0], nil
	case asked == "":
		text := fmt.Sprintf("a container name must be specified for pod %s, choose one of: %v", pod.Name, names)
		if len(initNames) > 0 {
			text += fmt.Sprintf(" or one of the init containers: %v", initNames)
		}
		if len(ephemeral) > 0 {
			text += fmt.Sprintf(" or one of the ephemeral containers: %v", ephemeral)
		}
		return "", apierrors.NewBadRequest(text)
	case slices.Contains(slices.Concat(names, initNames, ephemeral), asked):
		return asked, nil
	}
	return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", asked, pod.Name))
}

// status returns what is known of a container, or nil.
func status(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{
		pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses, pod.Status.EphemeralContainerStatuses,
	} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// waitingError is the answer to a request for something of a container that has
// never run.
func waitingError(pod *corev1.Pod, name string) error {
	text := fmt.Sprintf("container %q in pod %q is waiting to start", name, pod.Name)
	if s := status(pod, name); s != nil && s.State.Waiting != nil && s.State.Waiting.Reason != "" {
		text += ": " + s.State.Waiting.Reason
	}
	return apierrors.NewBadRequest(text)
}

// neverRan reports whether the status says for sure that a container has not run
// yet.
func neverRan(pod *corev1.Pod, name string) bool {
	s := status(pod, name)
	return s != nil && s.State.Waiting != nil && s.LastTerminationState.Terminated == nil && s.RestartCount == 0
}

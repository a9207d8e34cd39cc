package kubelet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// targetOf names the container whose processes an ephemeral container is to see, or
// is empty. See
// https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/.
func targetOf(pod *corev1.Pod, name string) string {
	for i := range pod.Spec.EphemeralContainers {
		if c := &pod.Spec.EphemeralContainers[i]; c.Name == name {
			return c.TargetContainerName
		}
	}
	return ""
}

// lookInto puts a container into the process namespace of another of its pod,
// which must run.
func (k *Kubelet) lookInto(ctx context.Context, pod *corev1.Pod, target string, options *cri.NamespaceOption) error {
	seen, err := k.observe(ctx, pod.UID)
	if err != nil {
		return err
	}
	for _, c := range seen.containers {
		if c.Name == target && c.State == podsync.Running {
			options.Pid, options.TargetId = cri.NamespaceMode_TARGET, c.ID
			return nil
		}
	}
	return fmt.Errorf("unable to find target container %q", target)
}

package kubelet

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/logs"
)

// runRotation keeps the logs of running containers from growing without end.
func (k *Kubelet) runRotation(ctx context.Context) error {
	for sleep(ctx, k.cfg.LogCheckInterval) == nil {
		for _, w := range k.allWorkers() {
			pod, files := w.view()
			for _, id := range runningIDs(pod) {
				k.rotate(ctx, id, files[id])
			}
		}
	}
	return nil
}

// runningIDs are the runtime's IDs of a pod's running containers.
func runningIDs(pod *corev1.Pod) []string {
	var ids []string
	s := &pod.Status
	for _, list := range [][]corev1.ContainerStatus{s.InitContainerStatuses, s.ContainerStatuses, s.EphemeralContainerStatuses} {
		for i := range list {
			if _, id, ok := strings.Cut(list[i].ContainerID, "://"); ok && list[i].State.Running != nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func (k *Kubelet) rotate(ctx context.Context, id, file string) {
	if file == "" {
		return
	}
	_, err := logs.Rotate(ctx, file, k.cfg.LogMaxSize, k.cfg.LogMaxFiles, func(ctx context.Context) error {
		_, err := k.rt.ReopenContainerLog(ctx, &cri.ReopenContainerLogRequest{ContainerId: id})
		return err
	})
	if err != nil && ctx.Err() == nil {
		k.log.Warn("rotate log", "file", file, "err", err)
	}
}

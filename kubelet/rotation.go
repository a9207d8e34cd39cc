package kubelet

import (
	"context"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/logs"
)

// runRotation keeps the logs of running containers from growing without end.
func (k *Kubelet) runRotation(ctx context.Context) error {
	for sleep(ctx, k.cfg.LogCheckInterval) == nil {
		for _, w := range k.allWorkers() {
			_, files := w.view()
			for id, file := range files {
				k.rotate(ctx, id, file)
			}
		}
	}
	return nil
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

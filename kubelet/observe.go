package kubelet

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/podsync"
)

// An observation is what the runtime has of one pod.
type observation struct {
	sandboxes  []podsync.Sandbox
	containers []podsync.Container
	// logs are the log files of the containers, by container ID.
	logs map[string]string
}

// observe asks the runtime for everything it has of a pod.
func (k *Kubelet) observe(ctx context.Context, uid types.UID) (observation, error) {
	o := observation{logs: map[string]string{}}
	selector := map[string]string{labelPodUID: string(uid)}
	sandboxes, err := k.rt.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{LabelSelector: selector}})
	if err != nil {
		return o, fmt.Errorf("list sandboxes: %w", err)
	}
	for _, item := range sandboxes.Items {
		s, err := k.rt.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: item.Id})
		if status.Code(err) == codes.NotFound {
			continue
		}
		if err != nil {
			return o, fmt.Errorf("get sandbox %s: %w", item.Id, err)
		}
		o.sandboxes = append(o.sandboxes, toSandbox(s.Status))
	}
	containers, err := k.rt.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{LabelSelector: selector}})
	if err != nil {
		return o, fmt.Errorf("list containers: %w", err)
	}
	for _, item := range containers.Containers {
		c, err := k.rt.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: item.Id})
		if status.Code(err) == codes.NotFound {
			continue
		}
		if err != nil {
			return o, fmt.Errorf("get container %s: %w", item.Id, err)
		}
		o.containers = append(o.containers, toContainer(c.Status, item.PodSandboxId))
		o.logs[item.Id] = c.Status.LogPath
	}
	return o, nil
}

func toSandbox(s *cri.PodSandboxStatus) podsync.Sandbox {
	out := podsync.Sandbox{
		ID: s.Id, Attempt: int(s.GetMetadata().GetAttempt()),
		Ready: s.State == cri.PodSandboxState_SANDBOX_READY, Created: unixNano(s.CreatedAt),
	}
	if ip := s.GetNetwork().GetIp(); ip != "" {
		out.IPs = append(out.IPs, ip)
	}
	for _, ip := range s.GetNetwork().GetAdditionalIps() {
		out.IPs = append(out.IPs, ip.Ip)
	}
	return out
}

func toContainer(c *cri.ContainerStatus, sandbox string) podsync.Container {
	out := podsync.Container{
		ID: c.Id, Name: c.GetMetadata().GetName(), Attempt: int(c.GetMetadata().GetAttempt()),
		SandboxID: sandbox, Image: c.GetImage().GetUserSpecifiedImage(), ImageID: c.ImageRef,
		Hash:    c.Annotations[annotationHash],
		Created: unixNano(c.CreatedAt), Started: unixNano(c.StartedAt), Finished: unixNano(c.FinishedAt),
		ExitCode: int(c.ExitCode), Reason: c.Reason,
	}
	switch c.State {
	case cri.ContainerState_CONTAINER_CREATED:
		out.State = podsync.Created
	case cri.ContainerState_CONTAINER_RUNNING:
		out.State = podsync.Running
	case cri.ContainerState_CONTAINER_EXITED:
		out.State = podsync.Exited
		out.Message = c.Message
	default:
		out.State = podsync.Unknown
	}
	return out
}

func unixNano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

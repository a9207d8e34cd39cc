package goroutine

import (
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ContainerStatus implements the CRI call.
func (r *Runtime) ContainerStatus(_ context.Context, req *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return &cri.ContainerStatusResponse{Status: c.statusLocked()}, nil
}

func (c *container) statusLocked() *cri.ContainerStatus {
	return &cri.ContainerStatus{
		Id: c.id, Metadata: c.config.Metadata, State: c.state,
		CreatedAt: c.createdAt.UnixNano(), StartedAt: nanos(c.startedAt), FinishedAt: nanos(c.finishedAt),
		ExitCode: c.exitCode, Reason: c.reason,
		Image: c.config.Image, ImageRef: c.image.digest(), ImageId: c.image.id,
		Labels: maps.Clone(c.config.Labels), Annotations: maps.Clone(c.config.Annotations),
		Mounts: slices.Clone(c.config.Mounts), LogPath: c.logPath(),
		Resources:  &cri.ContainerResources{Linux: c.resources},
		StopSignal: c.config.StopSignal,
	}
}

// nanos is a time as CRI has it: zero for not yet.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// UpdateContainerResources implements the CRI call: new CPU and memory limits,
// which cap what the program says it uses.
func (r *Runtime) UpdateContainerResources(_ context.Context, req *cri.UpdateContainerResourcesRequest) (*cri.UpdateContainerResourcesResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	if c.state == cri.ContainerState_CONTAINER_EXITED {
		r.mu.Unlock()
		return nil, status.Errorf(codes.FailedPrecondition, "update container %q: it has exited", c.id)
	}
	c.resources = req.Linux
	r.mu.Unlock()
	if c.usage.setLimits(req.Linux) {
		c.kill(exitKilled, "OOMKilled")
	}
	return &cri.UpdateContainerResourcesResponse{}, nil
}

// ReopenContainerLog implements the CRI call: the kubelet has renamed the log.
func (r *Runtime) ReopenContainerLog(_ context.Context, req *cri.ReopenContainerLogRequest) (*cri.ReopenContainerLogResponse, error) {
	c, err := r.running(req.ContainerId)
	if err != nil {
		return nil, err
	}
	if err := c.stdio.log.reopen(); err != nil {
		return nil, status.Errorf(codes.Unknown, "reopen log of container %q: %v", c.id, err)
	}
	return &cri.ReopenContainerLogResponse{}, nil
}

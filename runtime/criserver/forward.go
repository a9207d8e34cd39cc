package criserver

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Each call of the CRI goes to the server as it is. The two services, in the
// order of their definition:

func (r *remote) Version(ctx context.Context, req *cri.VersionRequest) (*cri.VersionResponse, error) {
	return r.runtime.Version(ctx, req)
}

func (r *remote) RunPodSandbox(ctx context.Context, req *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	return r.runtime.RunPodSandbox(ctx, req)
}

func (r *remote) StopPodSandbox(ctx context.Context, req *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	return r.runtime.StopPodSandbox(ctx, req)
}

func (r *remote) RemovePodSandbox(ctx context.Context, req *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	return r.runtime.RemovePodSandbox(ctx, req)
}

func (r *remote) PodSandboxStatus(ctx context.Context, req *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	return r.runtime.PodSandboxStatus(ctx, req)
}

func (r *remote) ListPodSandbox(ctx context.Context, req *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	return r.runtime.ListPodSandbox(ctx, req)
}

func (r *remote) StreamPodSandboxes(req *cri.StreamPodSandboxesRequest, to grpc.ServerStreamingServer[cri.StreamPodSandboxesResponse]) error {
	from, err := r.runtime.StreamPodSandboxes(to.Context(), req)
	return relay(from, to, err)
}

func (r *remote) CreateContainer(ctx context.Context, req *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	return r.runtime.CreateContainer(ctx, req)
}

func (r *remote) StartContainer(ctx context.Context, req *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	return r.runtime.StartContainer(ctx, req)
}

func (r *remote) StopContainer(ctx context.Context, req *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	return r.runtime.StopContainer(ctx, req)
}

func (r *remote) RemoveContainer(ctx context.Context, req *cri.RemoveContainerRequest) (*cri.RemoveContainerResponse, error) {
	return r.runtime.RemoveContainer(ctx, req)
}

func (r *remote) ListContainers(ctx context.Context, req *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	return r.runtime.ListContainers(ctx, req)
}

func (r *remote) StreamContainers(req *cri.StreamContainersRequest, to grpc.ServerStreamingServer[cri.StreamContainersResponse]) error {
	from, err := r.runtime.StreamContainers(to.Context(), req)
	return relay(from, to, err)
}

func (r *remote) ContainerStatus(ctx context.Context, req *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	return r.runtime.ContainerStatus(ctx, req)
}

func (r *remote) UpdateContainerResources(ctx context.Context, req *cri.UpdateContainerResourcesRequest) (*cri.UpdateContainerResourcesResponse, error) {
	return r.runtime.UpdateContainerResources(ctx, req)
}

func (r *remote) ReopenContainerLog(ctx context.Context, req *cri.ReopenContainerLogRequest) (*cri.ReopenContainerLogResponse, error) {
	return r.runtime.ReopenContainerLog(ctx, req)
}

func (r *remote) ExecSync(ctx context.Context, req *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	return r.runtime.ExecSync(ctx, req)
}

func (r *remote) Exec(ctx context.Context, req *cri.ExecRequest) (*cri.ExecResponse, error) {
	return r.runtime.Exec(ctx, req)
}

func (r *remote) Attach(ctx context.Context, req *cri.AttachRequest) (*cri.AttachResponse, error) {
	return r.runtime.Attach(ctx, req)
}

func (r *remote) PortForward(ctx context.Context, req *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	return r.runtime.PortForward(ctx, req)
}

func (r *remote) ContainerStats(ctx context.Context, req *cri.ContainerStatsRequest) (*cri.ContainerStatsResponse, error) {
	return r.runtime.ContainerStats(ctx, req)
}

func (r *remote) ListContainerStats(ctx context.Context, req *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	return r.runtime.ListContainerStats(ctx, req)
}

func (r *remote) StreamContainerStats(req *cri.StreamContainerStatsRequest, to grpc.ServerStreamingServer[cri.StreamContainerStatsResponse]) error {
	from, err := r.runtime.StreamContainerStats(to.Context(), req)
	return relay(from, to, err)
}

func (r *remote) PodSandboxStats(ctx context.Context, req *cri.PodSandboxStatsRequest) (*cri.PodSandboxStatsResponse, error) {
	return r.runtime.PodSandboxStats(ctx, req)
}

func (r *remote) ListPodSandboxStats(ctx context.Context, req *cri.ListPodSandboxStatsRequest) (*cri.ListPodSandboxStatsResponse, error) {
	return r.runtime.ListPodSandboxStats(ctx, req)
}

func (r *remote) StreamPodSandboxStats(req *cri.StreamPodSandboxStatsRequest, to grpc.ServerStreamingServer[cri.StreamPodSandboxStatsResponse]) error {
	from, err := r.runtime.StreamPodSandboxStats(to.Context(), req)
	return relay(from, to, err)
}

func (r *remote) UpdateRuntimeConfig(ctx context.Context, req *cri.UpdateRuntimeConfigRequest) (*cri.UpdateRuntimeConfigResponse, error) {
	return r.runtime.UpdateRuntimeConfig(ctx, req)
}

func (r *remote) Status(ctx context.Context, req *cri.StatusRequest) (*cri.StatusResponse, error) {
	return r.runtime.Status(ctx, req)
}

func (r *remote) CheckpointContainer(ctx context.Context, req *cri.CheckpointContainerRequest) (*cri.CheckpointContainerResponse, error) {
	return r.runtime.CheckpointContainer(ctx, req)
}

func (r *remote) CheckpointPod(ctx context.Context, req *cri.CheckpointPodRequest) (*cri.CheckpointPodResponse, error) {
	return r.runtime.CheckpointPod(ctx, req)
}

func (r *remote) RestorePod(ctx context.Context, req *cri.RestorePodRequest) (*cri.RestorePodResponse, error) {
	return r.runtime.RestorePod(ctx, req)
}

func (r *remote) GetContainerEvents(req *cri.GetEventsRequest, to grpc.ServerStreamingServer[cri.ContainerEventResponse]) error {
	from, err := r.runtime.GetContainerEvents(to.Context(), req)
	return relay(from, to, err)
}

func (r *remote) ListMetricDescriptors(ctx context.Context, req *cri.ListMetricDescriptorsRequest) (*cri.ListMetricDescriptorsResponse, error) {
	return r.runtime.ListMetricDescriptors(ctx, req)
}

func (r *remote) ListPodSandboxMetrics(ctx context.Context, req *cri.ListPodSandboxMetricsRequest) (*cri.ListPodSandboxMetricsResponse, error) {
	return r.runtime.ListPodSandboxMetrics(ctx, req)
}

func (r *remote) StreamPodSandboxMetrics(req *cri.StreamPodSandboxMetricsRequest, to grpc.ServerStreamingServer[cri.StreamPodSandboxMetricsResponse]) error {
	from, err := r.runtime.StreamPodSandboxMetrics(to.Context(), req)
	return relay(from, to, err)
}

func (r *remote) RuntimeConfig(ctx context.Context, req *cri.RuntimeConfigRequest) (*cri.RuntimeConfigResponse, error) {
	return r.runtime.RuntimeConfig(ctx, req)
}

func (r *remote) UpdatePodSandboxResources(ctx context.Context, req *cri.UpdatePodSandboxResourcesRequest) (*cri.UpdatePodSandboxResourcesResponse, error) {
	return r.runtime.UpdatePodSandboxResources(ctx, req)
}

func (r *remote) ListImages(ctx context.Context, req *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	return r.images.ListImages(ctx, req)
}

func (r *remote) StreamImages(req *cri.StreamImagesRequest, to grpc.ServerStreamingServer[cri.StreamImagesResponse]) error {
	from, err := r.images.StreamImages(to.Context(), req)
	return relay(from, to, err)
}

func (r *remote) ImageStatus(ctx context.Context, req *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	return r.images.ImageStatus(ctx, req)
}

func (r *remote) PullImage(ctx context.Context, req *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	return r.images.PullImage(ctx, req)
}

func (r *remote) RemoveImage(ctx context.Context, req *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	return r.images.RemoveImage(ctx, req)
}

func (r *remote) ImageFsInfo(ctx context.Context, req *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	return r.images.ImageFsInfo(ctx, req)
}

// relay passes on what the server sends until its stream ends.
func relay[T any](from grpc.ServerStreamingClient[T], to grpc.ServerStreamingServer[T], err error) error {
	for err == nil {
		var message *T
		if message, err = from.Recv(); err == nil {
			err = to.Send(message)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

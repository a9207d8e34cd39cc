package goroutine

import (
	"slices"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The Stream calls are the List calls for answers of any length: they come in
// pieces of streamChunk items.
const streamChunk = 100

func sendChunks[T, R any](items []T, stream grpc.ServerStreamingServer[R], wrap func([]T) *R) error {
	for chunk := range slices.Chunk(items, streamChunk) {
		if err := stream.Send(wrap(chunk)); err != nil {
			return err
		}
	}
	return nil
}

// StreamPodSandboxes implements the CRI call.
func (r *Runtime) StreamPodSandboxes(req *cri.StreamPodSandboxesRequest, stream grpc.ServerStreamingServer[cri.StreamPodSandboxesResponse]) error {
	list, err := r.ListPodSandbox(stream.Context(), &cri.ListPodSandboxRequest{Filter: req.Filter})
	if err != nil {
		return err
	}
	return sendChunks(list.Items, stream, func(items []*cri.PodSandbox) *cri.StreamPodSandboxesResponse {
		return &cri.StreamPodSandboxesResponse{PodSandboxes: items}
	})
}

// StreamContainers implements the CRI call.
func (r *Runtime) StreamContainers(req *cri.StreamContainersRequest, stream grpc.ServerStreamingServer[cri.StreamContainersResponse]) error {
	list, err := r.ListContainers(stream.Context(), &cri.ListContainersRequest{Filter: req.Filter})
	if err != nil {
		return err
	}
	return sendChunks(list.Containers, stream, func(items []*cri.Container) *cri.StreamContainersResponse {
		return &cri.StreamContainersResponse{Containers: items}
	})
}

// StreamContainerStats implements the CRI call.
func (r *Runtime) StreamContainerStats(req *cri.StreamContainerStatsRequest, stream grpc.ServerStreamingServer[cri.StreamContainerStatsResponse]) error {
	list, err := r.ListContainerStats(stream.Context(), &cri.ListContainerStatsRequest{Filter: req.Filter})
	if err != nil {
		return err
	}
	return sendChunks(list.Stats, stream, func(items []*cri.ContainerStats) *cri.StreamContainerStatsResponse {
		return &cri.StreamContainerStatsResponse{ContainerStats: items}
	})
}

// StreamPodSandboxStats implements the CRI call.
func (r *Runtime) StreamPodSandboxStats(req *cri.StreamPodSandboxStatsRequest, stream grpc.ServerStreamingServer[cri.StreamPodSandboxStatsResponse]) error {
	list, err := r.ListPodSandboxStats(stream.Context(), &cri.ListPodSandboxStatsRequest{Filter: req.Filter})
	if err != nil {
		return err
	}
	return sendChunks(list.Stats, stream, func(items []*cri.PodSandboxStats) *cri.StreamPodSandboxStatsResponse {
		return &cri.StreamPodSandboxStatsResponse{PodSandboxStats: items}
	})
}

// StreamImages implements the CRI call.
func (r *Runtime) StreamImages(req *cri.StreamImagesRequest, stream grpc.ServerStreamingServer[cri.StreamImagesResponse]) error {
	list, err := r.ListImages(stream.Context(), &cri.ListImagesRequest{Filter: req.Filter})
	if err != nil {
		return err
	}
	return sendChunks(list.Images, stream, func(items []*cri.Image) *cri.StreamImagesResponse {
		return &cri.StreamImagesResponse{Images: items}
	})
}

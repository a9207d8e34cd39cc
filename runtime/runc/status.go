//go:build linux

package runc

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func (r *Runtime) sandbox(id string) *sandbox {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sandboxes[id]
}

func (r *Runtime) container(id string) *container {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.containers[id]
}

// containersOf lists a sandbox's containers, the oldest first.
func (r *Runtime) containersOf(sandboxID string) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*container
	for _, c := range r.containers {
		if c.Sandbox == sandboxID {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *container) int { return a.Created.Compare(b.Created) })
	return list
}

func (r *Runtime) state(c *container) cri.ContainerState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.stateLocked()
}

func (c *container) stateLocked() cri.ContainerState {
	switch {
	case c.Ended != nil:
		return cri.ContainerState_CONTAINER_EXITED
	case !c.Started.IsZero():
		return cri.ContainerState_CONTAINER_RUNNING
	}
	return cri.ContainerState_CONTAINER_CREATED
}

func (s *sandbox) stateLocked() cri.PodSandboxState {
	if s.Ready {
		return cri.PodSandboxState_SANDBOX_READY
	}
	return cri.PodSandboxState_SANDBOX_NOTREADY
}

// ListPodSandbox implements cri.RuntimeServiceServer. The newest comes first.
func (r *Runtime) ListPodSandbox(_ context.Context, req *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	return &cri.ListPodSandboxResponse{Items: r.listSandboxes(req.GetFilter())}, nil
}

// StreamPodSandboxes implements cri.RuntimeServiceServer.
func (r *Runtime) StreamPodSandboxes(req *cri.StreamPodSandboxesRequest, stream grpc.ServerStreamingServer[cri.StreamPodSandboxesResponse]) error {
	for items := range slices.Chunk(r.listSandboxes(req.GetFilter()), listChunk) {
		if err := stream.Send(&cri.StreamPodSandboxesResponse{PodSandboxes: items}); err != nil {
			return err
		}
	}
	return nil
}

// listChunk is how many items of a streamed list go into one message.
const listChunk = 100

func (r *Runtime) listSandboxes(f *cri.PodSandboxFilter) []*cri.PodSandbox {
	r.mu.Lock()
	defer r.mu.Unlock()
	items := []*cri.PodSandbox{}
	for _, s := range r.sandboxes {
		switch {
		case f.GetId() != "" && !strings.HasPrefix(s.ID, f.GetId()),
			f.GetState() != nil && f.GetState().GetState() != s.stateLocked(),
			!selects(f.GetLabelSelector(), s.config.GetLabels()):
			continue
		}
		items = append(items, &cri.PodSandbox{
			Id: s.ID, Metadata: s.config.GetMetadata(), State: s.stateLocked(), CreatedAt: s.Created.UnixNano(),
			Labels: s.config.GetLabels(), Annotations: s.config.GetAnnotations(), RuntimeHandler: s.Handler,
		})
	}
	slices.SortFunc(items, func(a, b *cri.PodSandbox) int { return newestFirst(a.CreatedAt, b.CreatedAt, a.Id, b.Id) })
	return items
}

func newestFirst(a, b int64, idA, idB string) int {
	if a != b {
		if a > b {
			return -1
		}
		return 1
	}
	return strings.Compare(idA, idB)
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// PodSandboxStatus implements cri.RuntimeServiceServer.
func (r *Runtime) PodSandboxStatus(_ context.Context, req *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	s := r.sandbox(req.GetPodSandboxId())
	if s == nil {
		return nil, noSandbox(req.GetPodSandboxId())
	}
	resp := &cri.PodSandboxStatusResponse{Status: r.sandboxStatus(s), Timestamp: time.Now().UnixNano()}
	for _, c := range r.containersOf(s.ID) {
		resp.ContainersStatuses = append(resp.ContainersStatuses, r.containerStatus(c))
	}
	if req.GetVerbose() {
		resp.Info = info(map[string]any{"netns": r.netnsPath(s), "cgroup": s.Cgroup, "holder": s.Holder.PID})
	}
	return resp, nil
}

func (r *Runtime) sandboxStatus(s *sandbox) *cri.PodSandboxStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	network := &cri.PodSandboxNetworkStatus{}
	for i, ip := range s.IPs {
		if i == 0 {
			network.Ip = ip
			continue
		}
		network.AdditionalIps = append(network.AdditionalIps, &cri.PodIP{Ip: ip})
	}
	options := &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}
	if s.options() != nil {
		options = s.options()
	}
	return &cri.PodSandboxStatus{
		Id: s.ID, Metadata: s.config.GetMetadata(), State: s.stateLocked(), CreatedAt: s.Created.UnixNano(),
		Network: network, Linux: &cri.LinuxPodSandboxStatus{Namespaces: &cri.Namespace{Options: options}},
		Labels: s.config.GetLabels(), Annotations: s.config.GetAnnotations(), RuntimeHandler: s.Handler,
	}
}

// ListContainers implements cri.RuntimeServiceServer. The newest comes first.
func (r *Runtime) ListContainers(_ context.Context, req *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	return &cri.ListContainersResponse{Containers: r.listContainers(req.GetFilter())}, nil
}

// StreamContainers implements cri.RuntimeServiceServer.
func (r *Runtime) StreamContainers(req *cri.StreamContainersRequest, stream grpc.ServerStreamingServer[cri.StreamContainersResponse]) error {
	for items := range slices.Chunk(r.listContainers(req.GetFilter()), listChunk) {
		if err := stream.Send(&cri.StreamContainersResponse{Containers: items}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) listContainers(f *cri.ContainerFilter) []*cri.Container {
	r.mu.Lock()
	defer r.mu.Unlock()
	items := []*cri.Container{}
	for _, c := range r.containers {
		switch {
		case f.GetId() != "" && !strings.HasPrefix(c.ID, f.GetId()),
			f.GetPodSandboxId() != "" && !strings.HasPrefix(c.Sandbox, f.GetPodSandboxId()),
			f.GetState() != nil && f.GetState().GetState() != c.stateLocked(),
			!selects(f.GetLabelSelector(), c.config.GetLabels()):
			continue
		}
		items = append(items, &cri.Container{
			Id: c.ID, PodSandboxId: c.Sandbox, Metadata: c.config.GetMetadata(), Image: c.config.GetImage(),
			ImageRef: c.ImageID, ImageId: c.ImageID, State: c.stateLocked(), CreatedAt: c.Created.UnixNano(),
			Labels: c.config.GetLabels(), Annotations: c.config.GetAnnotations(),
		})
	}
	slices.SortFunc(items, func(a, b *cri.Container) int { return newestFirst(a.CreatedAt, b.CreatedAt, a.Id, b.Id) })
	return items
}

// ContainerStatus implements cri.RuntimeServiceServer.
func (r *Runtime) ContainerStatus(_ context.Context, req *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	c := r.container(req.GetContainerId())
	if c == nil {
		return nil, noContainer(req.GetContainerId())
	}
	resp := &cri.ContainerStatusResponse{Status: r.containerStatus(c)}
	if req.GetVerbose() {
		r.mu.Lock()
		resp.Info = info(map[string]any{
			"pid": c.PID, "shimPid": c.ShimPID, "sandboxID": c.Sandbox, "cgroup": c.Cgroup,
			"bundle": r.cfg.containerDir(c.ID),
		})
		r.mu.Unlock()
	}
	return resp, nil
}

func (r *Runtime) containerStatus(c *container) *cri.ContainerStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &cri.ContainerStatus{
		Id: c.ID, Metadata: c.config.GetMetadata(), State: c.stateLocked(), CreatedAt: c.Created.UnixNano(),
		Image: c.config.GetImage(), ImageRef: c.ImageID, ImageId: c.ImageID,
		Labels: c.config.GetLabels(), Annotations: c.config.GetAnnotations(), Mounts: c.config.GetMounts(),
		LogPath: c.LogPath, StopSignal: c.config.GetStopSignal(),
		User: &cri.ContainerUser{Linux: &cri.LinuxContainerUser{Uid: int64(c.User.UID), Gid: int64(c.User.GID)}},
	}
	for _, g := range c.User.Groups {
		st.User.Linux.SupplementalGroups = append(st.User.Linux.SupplementalGroups, int64(g))
	}
	if c.resources != nil {
		st.Resources = &cri.ContainerResources{Linux: c.resources}
	}
	if !c.Started.IsZero() {
		st.StartedAt = c.Started.UnixNano()
	}
	if e := c.Ended; e != nil {
		st.FinishedAt, st.ExitCode, st.Reason, st.Message = e.Time.UnixNano(), int32(e.Code), e.Reason, e.Message
	}
	return st
}

// info is CRI's verbose information: JSON under the key "info", as crictl prints it.
func info(v map[string]any) map[string]string {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return map[string]string{"info": string(raw)}
}

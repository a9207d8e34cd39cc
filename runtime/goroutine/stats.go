package goroutine

import (
	"context"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ContainerStats implements the CRI call.
func (r *Runtime) ContainerStats(_ context.Context, req *cri.ContainerStatsRequest) (*cri.ContainerStatsResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	return &cri.ContainerStatsResponse{Stats: c.stats()}, nil
}

// ListContainerStats implements the CRI call: those that run.
func (r *Runtime) ListContainerStats(_ context.Context, req *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	f := req.GetFilter()
	resp := &cri.ListContainerStatsResponse{}
	for _, c := range r.runningContainers(&cri.ContainerFilter{
		Id: f.GetId(), PodSandboxId: f.GetPodSandboxId(), LabelSelector: f.GetLabelSelector(),
	}) {
		resp.Stats = append(resp.Stats, c.stats())
	}
	return resp, nil
}

func (r *Runtime) runningContainers(f *cri.ContainerFilter) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*container
	for _, c := range r.containers {
		if c.state == cri.ContainerState_CONTAINER_RUNNING && c.matchesLocked(f) {
			list = append(list, c)
		}
	}
	return list
}

func (c *container) stats() *cri.ContainerStats {
	cpu, memory := c.usage.read()
	return &cri.ContainerStats{
		Attributes: &cri.ContainerAttributes{
			Id: c.id, Metadata: c.config.Metadata, Labels: c.config.Labels, Annotations: c.config.Annotations,
		},
		Cpu: cpu, Memory: memory,
		WritableLayer: &cri.FilesystemUsage{
			Timestamp: cpu.Timestamp, FsId: &cri.FilesystemIdentifier{Mountpoint: "/"}, UsedBytes: &cri.UInt64Value{},
		},
	}
}

// PodSandboxStats implements the CRI call: the sum of the pod's containers.
func (r *Runtime) PodSandboxStats(_ context.Context, req *cri.PodSandboxStatsRequest) (*cri.PodSandboxStatsResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return nil, err
	}
	return &cri.PodSandboxStatsResponse{Stats: r.podStats(s)}, nil
}

// ListPodSandboxStats implements the CRI call: the pods that are ready.
func (r *Runtime) ListPodSandboxStats(_ context.Context, req *cri.ListPodSandboxStatsRequest) (*cri.ListPodSandboxStatsResponse, error) {
	f := req.GetFilter()
	r.mu.Lock()
	var list []*sandbox
	for _, s := range r.sandboxes {
		if s.ready && (f.GetId() == "" || f.Id == s.id) && selects(f.GetLabelSelector(), s.config.Labels) {
			list = append(list, s)
		}
	}
	r.mu.Unlock()
	resp := &cri.ListPodSandboxStatsResponse{}
	for _, s := range list {
		resp.Stats = append(resp.Stats, r.podStats(s))
	}
	return resp, nil
}

func (r *Runtime) podStats(s *sandbox) *cri.PodSandboxStats {
	containers := r.runningContainers(&cri.ContainerFilter{PodSandboxId: s.id})
	var nanos, cores, memory uint64
	linux := &cri.LinuxPodSandboxStats{
		Process: &cri.ProcessUsage{
			Timestamp:    time.Now().UnixNano(),
			ProcessCount: &cri.UInt64Value{Value: uint64(len(containers))},
		},
	}
	for _, c := range containers {
		stats := c.stats()
		linux.Containers = append(linux.Containers, stats)
		nanos += stats.Cpu.UsageCoreNanoSeconds.Value
		cores += stats.Cpu.UsageNanoCores.Value
		memory += stats.Memory.WorkingSetBytes.Value
	}
	now := time.Now().UnixNano()
	linux.Cpu = &cri.CpuUsage{Timestamp: now,
		UsageCoreNanoSeconds: &cri.UInt64Value{Value: nanos}, UsageNanoCores: &cri.UInt64Value{Value: cores}}
	linux.Memory = &cri.MemoryUsage{Timestamp: now,
		WorkingSetBytes: &cri.UInt64Value{Value: memory}, UsageBytes: &cri.UInt64Value{Value: memory}}
	return &cri.PodSandboxStats{
		Attributes: &cri.PodSandboxAttributes{Id: s.id, Metadata: s.config.Metadata, Labels: s.config.Labels, Annotations: s.config.Annotations},
		Linux:      linux,
	}
}

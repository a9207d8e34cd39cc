package kubelet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/kubelet/server"
)

// sampleAge is over how much time at least the use of CPU is averaged.
const sampleAge = 5 * time.Second

// A usageMeter turns the CPU time that containers have used into use per
// second. It keeps one earlier sample of each.
type usageMeter struct {
	mu      sync.Mutex // guards samples
	samples map[string]cpuSample
}

type cpuSample struct {
	at        time.Time
	used      uint64 // nanoseconds of a core
	perSecond uint64 // nanoseconds of a core
}

// rate returns the use per second of a container which has used so much at a
// time and started at another.
func (m *usageMeter) rate(id string, at, started time.Time, used uint64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.samples == nil {
		m.samples = map[string]cpuSample{}
	}
	last, ok := m.samples[id]
	if !ok {
		last = cpuSample{at: started}
	}
	if age := at.Sub(last.at); age < sampleAge && ok || age <= 0 || used < last.used {
		return last.perSecond
	}
	rate := uint64(float64(used-last.used) / at.Sub(last.at).Seconds())
	m.samples[id] = cpuSample{at: at, used: used, perSecond: rate}
	return rate
}

// keep forgets the containers that are not in ids.
func (m *usageMeter) keep(ids map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.samples {
		if !ids[id] {
			delete(m.samples, id)
		}
	}
}

// Summary implements [server.Node].
func (v view) Summary(ctx context.Context) (*server.Summary, error) {
	stats, err := v.k.rt.ListContainerStats(ctx, &cri.ListContainerStatsRequest{})
	if err != nil {
		return nil, fmt.Errorf("list container statistics: %w", err)
	}
	now := time.Now()
	byPod := map[types.UID][]*cri.ContainerStats{}
	ids := map[string]bool{}
	for _, s := range stats.Stats {
		uid := types.UID(s.GetAttributes().GetLabels()[labelPodUID])
		byPod[uid] = append(byPod[uid], s)
		ids[s.GetAttributes().GetId()] = true
	}
	v.k.usage.keep(ids)
	summary := &server.Summary{Node: server.NodeStats{NodeName: v.k.cfg.NodeName, CPU: newCPU(now), Memory: newMemory(now)}, Pods: []server.PodStats{}}
	for _, pod := range v.Pods() {
		p := server.PodStats{
			PodRef:     server.PodReference{Name: pod.Name, Namespace: pod.Namespace, UID: string(pod.UID)},
			Containers: []server.ContainerStats{}, CPU: newCPU(now), Memory: newMemory(now),
		}
		if pod.Status.StartTime != nil {
			p.StartTime = pod.Status.StartTime.Time
		}
		for _, s := range byPod[pod.UID] {
			name := s.GetAttributes().GetMetadata().GetName()
			status, err := containerStatus(pod, name)
			if err != nil || status.State.Running == nil || status.ContainerID != v.k.runtimeName()+"://"+s.Attributes.Id {
				continue
			}
			c := v.k.containerStats(s, name, status.State.Running.StartedAt.Time, now)
			p.Containers = append(p.Containers, c)
			addUsage(p.CPU, p.Memory, c.CPU, c.Memory)
		}
		addUsage(summary.Node.CPU, summary.Node.Memory, p.CPU, p.Memory)
		summary.Pods = append(summary.Pods, p)
	}
	return summary, nil
}

func (k *Kubelet) containerStats(s *cri.ContainerStats, name string, started, now time.Time) server.ContainerStats {
	c := server.ContainerStats{Name: name, StartTime: started, CPU: newCPU(now), Memory: newMemory(now)}
	if cpu := s.GetCpu(); cpu != nil {
		at := now
		if cpu.Timestamp > 0 {
			at = time.Unix(0, cpu.Timestamp)
		}
		c.CPU.Time = at
		*c.CPU.UsageCoreNanoSeconds = cpu.GetUsageCoreNanoSeconds().GetValue()
		*c.CPU.UsageNanoCores = k.usage.rate(s.Attributes.Id, at, started, cpu.GetUsageCoreNanoSeconds().GetValue())
		if now := cpu.GetUsageNanoCores(); now != nil { // the runtime knows better
			*c.CPU.UsageNanoCores = now.Value
		}
	}
	memory := s.GetMemory()
	*c.Memory.UsageBytes = memory.GetUsageBytes().GetValue()
	*c.Memory.WorkingSetBytes = memory.GetWorkingSetBytes().GetValue()
	*c.Memory.RSSBytes = memory.GetRssBytes().GetValue()
	return c
}

func newCPU(at time.Time) *server.CPUStats {
	return &server.CPUStats{Time: at, UsageNanoCores: new(uint64), UsageCoreNanoSeconds: new(uint64)}
}

func newMemory(at time.Time) *server.MemoryStats {
	return &server.MemoryStats{Time: at, UsageBytes: new(uint64), WorkingSetBytes: new(uint64), RSSBytes: new(uint64)}
}

func addUsage(cpu *server.CPUStats, memory *server.MemoryStats, moreCPU *server.CPUStats, more *server.MemoryStats) {
	*cpu.UsageNanoCores += *moreCPU.UsageNanoCores
	*cpu.UsageCoreNanoSeconds += *moreCPU.UsageCoreNanoSeconds
	*memory.UsageBytes += *more.UsageBytes
	*memory.WorkingSetBytes += *more.WorkingSetBytes
	*memory.RSSBytes += *more.RSSBytes
}

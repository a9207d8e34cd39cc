//go:build linux

package runc

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/cgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// samples remember processor time between two questions, to answer with a rate.
type samples struct {
	mu   sync.Mutex // guards the field below
	last map[string]sample
}

type sample struct {
	time  time.Time
	cpu   time.Duration
	cores uint64 // nanocores of the last interval
	rated bool
}

// minInterval is the shortest time a rate is taken over: shorter ones jitter.
const minInterval = 500 * time.Millisecond

// rate returns the processor use in billionths of a core, and false until there
// are two samples.
func (s *samples) rate(id string, now cgroup.Stats) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]sample{}
	}
	before, ok := s.last[id]
	if !ok || now.CPU < before.cpu {
		s.last[id] = sample{time: now.Time, cpu: now.CPU}
		return 0, false
	}
	passed := now.Time.Sub(before.time)
	if passed < minInterval {
		return before.cores, before.rated
	}
	cores := uint64(float64(now.CPU-before.cpu) / float64(passed) * 1e9)
	s.last[id] = sample{time: now.Time, cpu: now.CPU, cores: cores, rated: true}
	return cores, true
}

func (s *samples) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.last, id)
}

// ContainerStats implements cri.RuntimeServiceServer.
func (r *Runtime) ContainerStats(_ context.Context, req *cri.ContainerStatsRequest) (*cri.ContainerStatsResponse, error) {
	c, err := r.running(req.GetContainerId())
	if err != nil {
		return nil, err
	}
	st, err := r.containerStats(c)
	if err != nil {
		return nil, toStatus(err)
	}
	return &cri.ContainerStatsResponse{Stats: st}, nil
}

// ListContainerStats implements cri.RuntimeServiceServer. Containers that do not
// run are left out, also those that end meanwhile.
func (r *Runtime) ListContainerStats(_ context.Context, req *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	f := req.GetFilter()
	resp := &cri.ListContainerStatsResponse{Stats: r.listContainerStats(&cri.ContainerFilter{
		Id: f.GetId(), PodSandboxId: f.GetPodSandboxId(), LabelSelector: f.GetLabelSelector(),
	})}
	return resp, nil
}

// StreamContainerStats implements cri.RuntimeServiceServer.
func (r *Runtime) StreamContainerStats(req *cri.StreamContainerStatsRequest, stream grpc.ServerStreamingServer[cri.StreamContainerStatsResponse]) error {
	f := req.GetFilter()
	all := r.listContainerStats(&cri.ContainerFilter{Id: f.GetId(), PodSandboxId: f.GetPodSandboxId(), LabelSelector: f.GetLabelSelector()})
	for items := range slices.Chunk(all, listChunk) {
		if err := stream.Send(&cri.StreamContainerStatsResponse{ContainerStats: items}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) listContainerStats(f *cri.ContainerFilter) []*cri.ContainerStats {
	f.State = &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
	out := []*cri.ContainerStats{}
	for _, item := range r.listContainers(f) {
		c := r.container(item.Id)
		if c == nil {
			continue
		}
		if st, err := r.containerStats(c); err == nil {
			out = append(out, st)
		}
	}
	return out
}

func (r *Runtime) containerStats(c *container) (*cri.ContainerStats, error) {
	now, err := r.cgroups.Stats(c.Cgroup)
	if err != nil {
		return nil, err
	}
	disk, err := image.DiskUsage(r.upperDir(c.ID))
	if err != nil {
		return nil, err
	}
	return &cri.ContainerStats{
		Attributes: &cri.ContainerAttributes{
			Id: c.ID, Metadata: c.config.GetMetadata(), Labels: c.config.GetLabels(), Annotations: c.config.GetAnnotations(),
		},
		Cpu: r.cpuUsage(c.ID, now), Memory: memoryUsage(now),
		WritableLayer: &cri.FilesystemUsage{
			Timestamp: now.Time.UnixNano(), FsId: &cri.FilesystemIdentifier{Mountpoint: r.cfg.containersDir()},
			UsedBytes: value(disk.Bytes), InodesUsed: value(disk.Inodes),
		},
	}, nil
}

func (r *Runtime) cpuUsage(id string, now cgroup.Stats) *cri.CpuUsage {
	cpu := &cri.CpuUsage{Timestamp: now.Time.UnixNano(), UsageCoreNanoSeconds: value(uint64(now.CPU))}
	if cores, ok := r.samples.rate(id, now); ok {
		cpu.UsageNanoCores = value(cores)
	}
	return cpu
}

func memoryUsage(now cgroup.Stats) *cri.MemoryUsage {
	m := &cri.MemoryUsage{
		Timestamp: now.Time.UnixNano(), WorkingSetBytes: value(now.WorkingSet), UsageBytes: value(now.Memory),
		RssBytes: value(now.RSS), PageFaults: value(now.PageFaults), MajorPageFaults: value(now.MajorFaults),
	}
	if now.Limit > 0 {
		m.AvailableBytes = value(now.Limit - min(now.Limit, now.WorkingSet))
	}
	return m
}

func value(n uint64) *cri.UInt64Value { return &cri.UInt64Value{Value: n} }

// PodSandboxStats implements cri.RuntimeServiceServer.
func (r *Runtime) PodSandboxStats(_ context.Context, req *cri.PodSandboxStatsRequest) (*cri.PodSandboxStatsResponse, error) {
	s := r.sandbox(req.GetPodSandboxId())
	if s == nil {
		return nil, noSandbox(req.GetPodSandboxId())
	}
	if !r.recordOf(s).Ready {
		return nil, status.Errorf(codes.FailedPrecondition, "pod sandbox %s is not ready", s.ID)
	}
	st, err := r.sandboxStats(s)
	if err != nil {
		return nil, toStatus(err)
	}
	return &cri.PodSandboxStatsResponse{Stats: st}, nil
}

// ListPodSandboxStats implements cri.RuntimeServiceServer. Sandboxes that are not
// ready are left out.
func (r *Runtime) ListPodSandboxStats(_ context.Context, req *cri.ListPodSandboxStatsRequest) (*cri.ListPodSandboxStatsResponse, error) {
	return &cri.ListPodSandboxStatsResponse{Stats: r.listSandboxStats(req.GetFilter())}, nil
}

// StreamPodSandboxStats implements cri.RuntimeServiceServer.
func (r *Runtime) StreamPodSandboxStats(req *cri.StreamPodSandboxStatsRequest, stream grpc.ServerStreamingServer[cri.StreamPodSandboxStatsResponse]) error {
	for items := range slices.Chunk(r.listSandboxStats(req.GetFilter()), listChunk) {
		if err := stream.Send(&cri.StreamPodSandboxStatsResponse{PodSandboxStats: items}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) listSandboxStats(f *cri.PodSandboxStatsFilter) []*cri.PodSandboxStats {
	out := []*cri.PodSandboxStats{}
	for _, item := range r.listSandboxes(&cri.PodSandboxFilter{
		Id: f.GetId(), LabelSelector: f.GetLabelSelector(),
		State: &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY},
	}) {
		s := r.sandbox(item.Id)
		if s == nil {
			continue
		}
		if st, err := r.sandboxStats(s); err == nil {
			out = append(out, st)
		}
	}
	return out
}

func (r *Runtime) sandboxStats(s *sandbox) (*cri.PodSandboxStats, error) {
	now, err := r.cgroups.Stats(s.Cgroup)
	if err != nil {
		return nil, err
	}
	network, err := r.networkUsage(s)
	if err != nil {
		return nil, err
	}
	return &cri.PodSandboxStats{
		Attributes: &cri.PodSandboxAttributes{
			Id: s.ID, Metadata: s.config.GetMetadata(), Labels: s.config.GetLabels(), Annotations: s.config.GetAnnotations(),
		},
		Linux: &cri.LinuxPodSandboxStats{
			Cpu: r.cpuUsage(s.ID, now), Memory: memoryUsage(now), Network: network,
			Process:    &cri.ProcessUsage{Timestamp: now.Time.UnixNano(), ProcessCount: value(now.Processes)},
			Containers: r.listContainerStats(&cri.ContainerFilter{PodSandboxId: s.ID}),
		},
	}, nil
}

// networkUsage reads the interfaces' counters in the pod's namespace. A pod on
// the host network has none of its own.
func (r *Runtime) networkUsage(s *sandbox) (*cri.NetworkUsage, error) {
	if s.hostNetwork() {
		return nil, nil
	}
	var raw []byte
	err := inNetNS(r.netnsPath(s), func() (err error) {
		raw, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	if err != nil {
		return nil, err
	}
	usage := &cri.NetworkUsage{Timestamp: time.Now().UnixNano(), Interfaces: parseNetDev(raw)}
	for _, i := range usage.Interfaces {
		if i.Name == "eth0" {
			usage.DefaultInterface = i
		}
	}
	return usage, nil
}

// parseNetDev reads proc_pid_net(5), "dev": after the name, 8 numbers about what
// was received (bytes, packets, errors, …) and 8 about what was sent.
func parseNetDev(raw []byte) []*cri.NetworkInterfaceUsage {
	var out []*cri.NetworkInterfaceUsage
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		fields := strings.Fields(rest)
		if name = strings.TrimSpace(name); !ok || name == "lo" || len(fields) < 16 {
			continue
		}
		number := func(i int) *cri.UInt64Value {
			n, _ := strconv.ParseUint(fields[i], 10, 64)
			return value(n)
		}
		out = append(out, &cri.NetworkInterfaceUsage{
			Name: name, RxBytes: number(0), RxErrors: number(2), TxBytes: number(8), TxErrors: number(10),
		})
	}
	return out
}

//go:build linux

package bundle

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func (in Input) resources() (*specs.LinuxResources, error) {
	r, err := Resources(in.Container.GetLinux().GetResources(), in.Host.CgroupV2)
	if err != nil {
		return nil, err
	}
	if in.PidsLimit > 0 {
		r.Pids = &specs.LinuxPids{Limit: &in.PidsLimit}
	}
	return r, nil
}

// Resources translates CRI's limits. A zero means "not set", as everywhere in CRI.
func Resources(r *cri.LinuxContainerResources, v2 bool) (*specs.LinuxResources, error) {
	out := &specs.LinuxResources{}
	if r == nil {
		return out, nil
	}
	if len(r.GetUnified()) > 0 && !v2 {
		return nil, fmt.Errorf("%w: unified resources need cgroup v2", ErrUnsupported)
	}
	out.Unified = r.GetUnified()
	cpu := &specs.LinuxCPU{Cpus: r.GetCpusetCpus(), Mems: r.GetCpusetMems()}
	if n := r.GetCpuShares(); n > 0 {
		shares := uint64(n)
		cpu.Shares = &shares
	}
	if n := r.GetCpuQuota(); n != 0 {
		cpu.Quota = &n
	}
	if n := r.GetCpuPeriod(); n > 0 {
		period := uint64(n)
		cpu.Period = &period
	}
	out.CPU = cpu
	if n := r.GetMemoryLimitInBytes(); n != 0 {
		out.Memory = &specs.LinuxMemory{Limit: &n}
		if swap := r.GetMemorySwapLimitInBytes(); swap != 0 {
			out.Memory.Swap = &swap
		}
	}
	for _, h := range r.GetHugepageLimits() {
		out.HugepageLimits = append(out.HugepageLimits, specs.LinuxHugepageLimit{Pagesize: h.GetPageSize(), Limit: h.GetLimit()})
	}
	return out, nil
}

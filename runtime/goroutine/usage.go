package goroutine

import (
	"sync"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// usage is what a program says it uses. CPU time is the integral of the cores
// in use over time; it grows with virtual time in a bubble.
type usage struct {
	mu       sync.Mutex // guards the fields below
	since    time.Time  // cores were set or counted last
	cores    float64
	used     float64 // nanoseconds of one core, up to since
	memory   uint64  // bytes
	maxCores float64 // zero: no limit
	maxBytes uint64  // zero: no limit
}

func (u *usage) setCPU(cores float64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.countLocked()
	u.cores = max(cores, 0)
}

// setMemory tells whether the limit is exceeded.
func (u *usage) setMemory(bytes uint64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.memory = bytes
	return u.maxBytes > 0 && bytes > u.maxBytes
}

// setLimits tells whether the memory in use exceeds the new limit.
func (u *usage) setLimits(r *cri.LinuxContainerResources) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.countLocked()
	u.maxCores = 0
	if quota, period := r.GetCpuQuota(), r.GetCpuPeriod(); quota > 0 && period > 0 {
		u.maxCores = float64(quota) / float64(period)
	}
	u.maxBytes = uint64(max(r.GetMemoryLimitInBytes(), 0))
	return u.maxBytes > 0 && u.memory > u.maxBytes
}

// start begins to count; stop ends it: an ended process uses nothing.
func (u *usage) start() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.since = time.Now()
}

func (u *usage) stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.countLocked()
	u.cores, u.memory = 0, 0
}

func (u *usage) countLocked() {
	now := time.Now()
	if !u.since.IsZero() {
		u.used += u.coresLocked() * float64(now.Sub(u.since))
	}
	u.since = now
}

func (u *usage) coresLocked() float64 {
	if u.maxCores > 0 {
		return min(u.cores, u.maxCores)
	}
	return u.cores
}

// read returns the figures as CRI has them.
func (u *usage) read() (*cri.CpuUsage, *cri.MemoryUsage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.since.IsZero() {
		u.countLocked()
	}
	now := time.Now().UnixNano()
	cpu := &cri.CpuUsage{
		Timestamp:            now,
		UsageCoreNanoSeconds: &cri.UInt64Value{Value: uint64(u.used)},
		UsageNanoCores:       &cri.UInt64Value{Value: uint64(u.coresLocked() * 1e9)},
	}
	memory := &cri.MemoryUsage{
		Timestamp:       now,
		WorkingSetBytes: &cri.UInt64Value{Value: u.memory},
		UsageBytes:      &cri.UInt64Value{Value: u.memory},
		RssBytes:        &cri.UInt64Value{Value: u.memory},
	}
	if u.maxBytes > u.memory {
		memory.AvailableBytes = &cri.UInt64Value{Value: u.maxBytes - u.memory}
	}
	return cpu, memory
}

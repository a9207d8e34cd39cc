//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Stats are a group's figures, those of the groups below it included. Memory is
// in bytes.
type Stats struct {
	Time time.Time
	// CPU is the processor time used since the group began.
	CPU time.Duration
	// Memory is all memory charged to the group, file cache included.
	Memory uint64
	// WorkingSet is Memory without the file cache that was not used lately: what
	// the kubelet compares with limits.
	WorkingSet uint64
	// RSS is the anonymous memory.
	RSS uint64
	// Limit is the memory limit, zero if there is none.
	Limit                   uint64
	PageFaults, MajorFaults uint64
	// Processes is the number of processes and threads.
	Processes uint64
}

// Stats reads the figures of a group. A controller that is missing leaves its
// figures zero; a group that is missing is an error.
func (l Layout) Stats(path string) (Stats, error) {
	s := Stats{Time: time.Now()}
	var err error
	if l.V2 {
		err = l.readV2(path, &s)
	} else {
		err = l.readV1(path, &s)
	}
	if err != nil {
		return Stats{}, fmt.Errorf("read cgroup %s: %w", path, err)
	}
	return s, nil
}

func (l Layout) readV1(path string, s *Stats) error {
	ns, err := number(l.dir("cpuacct", path), "cpuacct.usage")
	if err != nil {
		return err
	}
	s.CPU = time.Duration(ns)
	dir := l.dir("memory", path)
	if s.Memory, err = number(dir, "memory.usage_in_bytes"); err != nil {
		return err
	}
	if s.Limit, err = number(dir, "memory.limit_in_bytes"); err != nil {
		return err
	}
	stat, err := table(dir, "memory.stat")
	if err != nil {
		return err
	}
	s.RSS, s.PageFaults, s.MajorFaults = stat["total_rss"], stat["total_pgfault"], stat["total_pgmajfault"]
	s.setWorkingSet(stat["total_inactive_file"])
	s.Processes, _ = number(l.dir("pids", path), "pids.current")
	return nil
}

func (l Layout) readV2(path string, s *Stats) error {
	dir := l.dir("", path)
	cpu, err := table(dir, "cpu.stat")
	if err != nil {
		return err
	}
	s.CPU = time.Duration(cpu["usage_usec"]) * time.Microsecond
	if s.Memory, err = number(dir, "memory.current"); errors.Is(err, os.ErrNotExist) {
		return nil // the memory controller is not switched on here
	}
	if err != nil {
		return err
	}
	if s.Limit, err = number(dir, "memory.max"); err != nil {
		return err
	}
	stat, err := table(dir, "memory.stat")
	if err != nil {
		return err
	}
	s.RSS, s.PageFaults, s.MajorFaults = stat["anon"], stat["pgfault"], stat["pgmajfault"]
	s.setWorkingSet(stat["inactive_file"])
	s.Processes, _ = number(dir, "pids.current")
	return nil
}

func (s *Stats) setWorkingSet(inactive uint64) {
	if s.WorkingSet = s.Memory; inactive < s.Memory {
		s.WorkingSet -= inactive
	} else {
		s.WorkingSet = 0
	}
	// Version 1 writes "no limit" as the largest multiple of a page.
	if s.Limit >= math.MaxInt64-1<<20 {
		s.Limit = 0
	}
}

// OOMFile returns the file of a group with the line "oom_kill N".
func (l Layout) OOMFile(path string) string {
	if l.V2 {
		return filepath.Join(l.dir("", path), "memory.events")
	}
	return filepath.Join(l.dir("memory", path), "memory.oom_control")
}

// number reads a file with one number; "max" counts as zero.
func number(dir, file string) (uint64, error) {
	raw, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(string(raw))
	if text == "max" {
		return 0, nil
	}
	return strconv.ParseUint(text, 10, 64)
}

// table reads a file of lines with a name and a number.
func table(dir, file string) (map[string]uint64, error) {
	raw, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	t := map[string]uint64{}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			t[name] = n
		}
	}
	return t, nil
}
